"""A mail as it goes to the server: RFC 5322 headers, a text and an HTML form of one content.

Headers are put into their final form here, because the standard library's own way takes several
times as long (ADR 32). They hold ASCII, or with SMTPUTF8 an address as it is, on lines that nothing
in a name can break.
"""

import base64
import datetime as dt
from dataclasses import dataclass
from email.contentmanager import raw_data_manager
from email.message import EmailMessage
from email.policy import Compat32
from email.utils import format_datetime, quote
from uuid import UUID

from services.notifier.domain.text import one_line

SENDER_NAME = "CPro éducation"
WORD_BYTES = 39
"""Bytes in an encoded word, so that it stays below the 75 characters of RFC 2047 and a line below
the 78 of RFC 5322."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, and between whom."""

    id: UUID
    at: dt.datetime
    sender: str
    address: str
    name: str
    reply_to: str | None
    reply_name: str
    subject: str
    text: str
    html: str

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.address.isascii()


class _AsWritten(Compat32):
    """Headers are stored in their final form, and written as they are."""

    def fold_binary(self, name: str, value: object) -> bytes:
        return f"{name}: {value}{self.linesep}".encode()


_POLICY = _AsWritten(linesep="\r\n", max_line_length=76)


def message(letter: Letter) -> bytes:
    """The bytes of a letter, the same at each attempt; nothing but ASCII unless `needs_utf8`."""
    mail = EmailMessage(policy=_POLICY)
    mail["Date"] = format_datetime(letter.at.astimezone(dt.UTC))
    mail["Message-ID"] = message_id(letter)
    mail["From"] = mailbox(SENDER_NAME, letter.sender)
    mail["To"] = mailbox(letter.name, letter.address)
    if letter.reply_to is not None:
        mail["Reply-To"] = mailbox(letter.reply_name, letter.reply_to)
    mail["Subject"] = words(one_line(letter.subject))
    mail["Auto-Submitted"] = "auto-generated"
    manager = raw_data_manager
    mail.set_content(letter.text, cte="base64", content_manager=manager)
    mail.add_alternative(letter.html, subtype="html", cte="base64", content_manager=manager)
    mail.set_boundary(f"=_{letter.id.hex[:28]}")  # all of it would make too long a line
    return mail.as_bytes()


def message_id(letter: Letter) -> str:
    """The Message-ID: fixed by what is told and to whom."""
    return f"<{letter.id}@{letter.sender.rpartition('@')[2]}>"


def mailbox(name: str, address: str) -> str:
    """« name <address> » as a header holds it; `address` is one (`is_address`)."""
    name = one_line(name)
    if not name:
        return address
    plain = name.isascii() and len(name) < WORD_BYTES and "=?" not in name
    shown = f'"{quote(name)}"' if plain else words(name)
    return f"{shown}\r\n <{address}>"


def words(text: str) -> str:
    """One line of text as it stands in a header: itself when that is safe, else encoded words."""
    if text.isascii() and len(text) < WORD_BYTES and "=?" not in text:
        return text
    rest, chunks = text.encode(), []
    while len(rest) > WORD_BYTES:
        end = WORD_BYTES
        while rest[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        chunks.append(rest[:end])
        rest = rest[end:]
    chunks.append(rest)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(c).decode()}?=" for c in chunks)
