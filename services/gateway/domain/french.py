"""How dates, numbers and counts are written in French."""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip
NARROW: Final = "\u202f"
"""The space within numbers: narrow, and no line breaks there."""

PARIS: Final = ZoneInfo("Europe/Paris")


def day(value: dt.date | dt.datetime | str | None) -> str:
    """« 3 octobre 2025 », « 1er mars 2026 »; a moment is the day it is in Paris. Empty without one.

    Text is read as ISO 8601, as the services answer it.
    """
    if value is None or value == "":
        return ""
    date = _local(value)
    return f"{'1er' if date.day == 1 else date.day} {MONTHS[date.month - 1]} {date.year}"


def iso_day(value: dt.datetime | str) -> str:
    """« 2025-10-03 », for tables that are sorted: the day of a moment in Paris."""
    return _local(value).isoformat()


def moment(value: dt.datetime | str | None) -> str:
    """« 3 octobre 2025 à 14 h 05 », in Paris. Empty without one."""
    if value is None or value == "":
        return ""
    at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    local = at.astimezone(PARIS)
    return f"{day(local)} à {local.hour} h {local.minute:02d}"


def number(value: float | None) -> str:
    """« 1 250 », « 12,5 »."""
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace(",", NARROW).replace(".", ",")


def count(value: int, one: str, many: str | None = None) -> str:
    """« 1 élève », « 0 élève », « 1 250 élèves »; `many` when it is not formed by an s."""
    return f"{number(value)} {one if abs(value) < 2 else many or one + 's'}"


def telephone(value: str | None) -> str:
    """« 04 72 00 00 00 » of +33472000000; other numbers as they are."""
    if not value:
        return ""
    if value.startswith("+33") and len(value) == len("+33472000000"):
        local = "0" + value.removeprefix("+33")
        return " ".join(local[start : start + 2] for start in range(0, len(local), 2))
    return value


def _local(value: dt.date | dt.datetime | str) -> dt.date:
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value) if "T" in value else dt.date.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(PARIS).date() if value.tzinfo else value.date()
    return value
