"""Texts that go into mails: on one line, bounded, dated in French; and what an address is."""

import datetime as dt
import re
import unicodedata
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
LONGEST_TEXT = 200
LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254
"""RFC 5321, 4.5.3.1, in bytes."""

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip
_ADDRESS = re.compile(r'([^\s@<>()\[\],;:\\"]+)@([^\s@<>()\[\],;:\\"/]+\.[^\s@<>()\[\],;:\\"/]+)')


def one_line(text: str) -> str:
    """`text` without line ends and other control characters, cut where it is too long.

    Names come from people and files; whatever they hold, they make no further header.
    """
    plain = text
    if not text.isprintable():
        plain = "".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text)
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1].rstrip()}…"


_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, lone surrogates, separators of lines and paragraphs."""


def is_address(text: str) -> bool:
    """Whether `text` is an address that a mail can be sent to: no name, no quoting."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not text.isprintable():
        return False
    local, domain = found.groups()
    dots = ".." in text or local[0] == "." or local[-1] == "." or domain[-1] == "."
    lengths = len(local.encode()) <= LONGEST_LOCAL and len(text.encode()) <= LONGEST_ADDRESS
    return lengths and not dots


def day_in_french(day: dt.date) -> str:
    """« mardi 20 janvier 2026 »."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{_DAYS[day.weekday()]} {number} {_MONTHS[day.month - 1]} {day.year}"


def moment_in_french(moment: dt.datetime) -> str:
    """« mardi 20 janvier 2026 à 14 h 05 », by the clock of Paris."""
    there = moment.astimezone(PARIS)
    return f"{day_in_french(there)} à {there.hour} h {there.minute:02d}"
