"""Months, as figures are asked for and told."""

from typing import Final

from services.gateway.domain.french import MONTHS

YEAR: Final = 12


def name(month: str) -> str:
    """« janvier 2026 » of 2026-01."""
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]} {year}"


def until(month: str, count: int) -> list[str]:
    """The `count` months up to this one, the newest first."""
    year, number = map(int, month.split("-"))
    last = year * YEAR + number - 1
    return [f"{at // YEAR:04d}-{at % YEAR + 1:02d}" for at in range(last, last - count, -1)]
