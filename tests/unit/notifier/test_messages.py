"""Whatever names hold, a mail has the headers that it is to have, and no more."""

import datetime as dt
import email
import email.policy
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.mails import Kind, School, access_mails
from services.notifier.domain.message import Letter, message
from services.notifier.domain.text import is_address, moment_in_french, one_line
from services.notifier.rendering import render
from services.notifier.samples import SAMPLES
from shared.events import Recipient
from shared.identifiers import Uai
from tests.integration.notifier.support import toggled

LETTER = Letter(
    id=UUID(int=7),
    at=dt.datetime(2026, 1, 20, 13, 5, tzinfo=dt.UTC),
    sender="ne-pas-repondre@cpro.example",
    address="a@b.example",
    name="Aymerick",
    reply_to="ce@c.example",
    reply_name="Lycée",
    subject="Sujet",
    text="Texte\n",
    html="<p>Texte</p>",
)
HEADERS = [
    "Date", "Message-ID", "From", "To", "Reply-To", "Subject", "Auto-Submitted", "MIME-Version",
    "Content-Type",
]  # fmt: skip


def read(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def shown_name(content: bytes) -> str:
    """The recipient's name. (The newer parser puts spaces between encoded words in a name, against
    RFC 2047, 6.2: the older one reads it.)
    """
    name, _ = parseaddr(email.message_from_bytes(content)["To"].replace("\r\n", ""))
    return str(make_header(decode_header(name)))


HOSTILE = (
    "Zoé\r\nBcc: all@c.example",
    "a\n\n<script>",
    'Jean "le Grand" Ier, M.',
    'x\\"<a@b.example>',
    "\u2028Cc: x\x85y\x00z\x1b",
    "=?utf-8?q?Bcc?=",
    "é" * 3000,
    "👩‍🎓" * 50,
    "Łukasz 龍 محمد",
    "a" * 500,
    "(comment) ; group: x@y;",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_makes_a_header_or_a_recipient(name: str) -> None:
    content = message(replace(LETTER, name=name, reply_name=name, subject=f"Accès – {name}"))
    mail = read(content)
    assert list(mail.keys()) == HEADERS
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@b.example"]
    assert [a.addr_spec for a in mail["Reply-To"].addresses] == ["ce@c.example"]
    assert shown_name(content) == one_line(name)
    assert mail["Subject"] == one_line(f"Accès – {name}")
    assert mail.defects == []
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")


@given(st.text(max_size=300))
def test_any_text_is_a_name(name: str) -> None:
    mail = read(message(replace(LETTER, name=name, subject=name)))
    assert list(mail.keys()) == HEADERS
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@b.example"]


def test_the_bytes_of_a_mail_are_the_same_at_each_attempt() -> None:
    assert message(LETTER) == message(LETTER)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "@b.fr", "a@", "a b@c.fr", "a@b.fr\r\nX: y", "<a@b.fr>", "a@b.fr, c@d.fr",
     "a@b@c.fr", '"a"@b.fr', "a@[127.0.0.1]", ".a@b.fr", "a..b@c.fr", "a@b.fr.", f"{'a' * 65}@b.fr",
     "a\u200b@b.fr", "a\x00@b.fr"],
)  # fmt: skip
def test_what_is_no_address_is_not_sent_to(address: str) -> None:
    assert not is_address(address)


@pytest.mark.parametrize("address", ["a@b.fr", "ce.0591234X@ac-lille.fr", "a+b@c.d.fr", "é@ü.fr"])
def test_what_is_an_address(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    ("kind", "sample"), [(kind, sample) for kind in Kind for sample in SAMPLES[kind]]
)
def test_every_mail_renders_in_both_forms_and_html_escapes(kind: Kind, sample: str) -> None:
    content = {**SAMPLES[kind][sample], "school": "<b>Lycée & Cie</b>"}
    text, html = render(
        kind, content, name="<i>N</i>", console_url="https://cpro.example/", replies=False
    )
    assert "<b>Lycée & Cie</b>" in text
    assert "&lt;b&gt;Lycée &amp; Cie&lt;/b&gt;" in html
    assert "<i>" not in html
    for form in (text, html):
        assert "https://cpro.example/" in form
        assert "https://cpro.example//" not in form
        assert "9990001X" in form
    assert "\n\n\n" not in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_moment_is_told_by_the_clock_of_paris() -> None:
    moment = dt.datetime(2026, 7, 31, 22, 5, tzinfo=dt.UTC)
    assert moment_in_french(moment) == "samedi 1er août 2026 à 0 h 05"


def test_a_referent_named_twice_is_told_once_and_a_school_not_heard_of_is_called_by_its_code() -> (
    None
):
    twice = (
        Recipient(name="A\r\nB", email=" X@Y.example "),
        Recipient(name="C", email="x@y.example"),
    )
    [mail] = access_mails(toggled(*twice), School.unknown(Uai("9990001X")))
    assert mail.to == Recipient(name="A B", email="X@Y.example")
    assert "établissement 9990001X : accès ouvert" in mail.subject
