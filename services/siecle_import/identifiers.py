"""The identifiers and codes of a SIECLE file: pupils, school years, courses (docs/siecle.md)."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self
from zoneinfo import ZoneInfo

from shared.identifiers import KEY_LETTERS

_RNIE_KEY_LETTERS = "ABCDEFGHJK"

IneShape = Literal["rnie", "bea", "ina"]
_INE_SHAPES: tuple[tuple[IneShape, re.Pattern[str]], ...] = (
    ("rnie", re.compile(r"[0-9]{9}[A-Z]{2}")),
    ("bea", re.compile(r"[0-9]{10}[A-Z]")),
    ("ina", re.compile(r"[0-9]{4}A[0-9]{5}[A-Z]")),
)

AUGUST = 8
MEF_LENGTH = 11


class InvalidIne(ValueError):  # noqa: N818
    """The text has none of the three shapes of a national pupil identifier."""


@dataclass(frozen=True, slots=True)
class Ine:
    """A national pupil identifier; a pupil may hold one of each shape."""

    text: str
    shape: IneShape

    @classmethod
    def parse(cls, text: str) -> Self:
        """Strip, upper, remove inner spaces, tell the shape; raise `InvalidIne`."""
        code = "".join(text.split()).upper()
        for shape, pattern in _INE_SHAPES:
            if pattern.fullmatch(code):
                return cls(code, shape)
        raise InvalidIne("INE attendu : 11 caractères, chiffres puis lettres")

    @property
    def key_is_right(self) -> bool | None:
        """Whether the key agrees with the figures; None where the rule is unknown (INA)."""
        if self.shape == "ina":
            return None
        if self.shape == "bea":
            return self.text[10] == KEY_LETTERS[int(self.text[:10]) % 23]
        tens, units = divmod(97 - int(self.text[:9]) % 97, 10)
        return self.text[9:] == _RNIE_KEY_LETTERS[tens] + _RNIE_KEY_LETTERS[units]


class SchoolYear(int):
    """A school year, named by the year of its September: 2025 is 2025-2026."""

    __slots__ = ()

    @classmethod
    def for_day(cls, day: date) -> Self:
        """The school year of a day: a new one begins on 1 August."""
        return cls(day.year if day.month >= AUGUST else day.year - 1)

    def contains(self, day: date) -> bool:
        """Whether this year is current on a day; in August the one that ends is, too."""
        begun = SchoolYear.for_day(day)
        return self == begun or (day.month == AUGUST and self == begun - 1)


_OVERSEAS_ZONES = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "983": "Pacific/Noumea",
    "984": "Pacific/Tahiti",
    "986": "Pacific/Wallis",
}


def school_timezone(uai: str) -> ZoneInfo:
    """The time zone of a school, by the département that its UAI begins with."""
    return ZoneInfo(_OVERSEAS_ZONES.get(uai[:3], "Europe/Paris"))


def is_last_year(mef: str) -> bool:
    """Whether a MEF is the last year of its course: rank of the year (9th character) = length."""
    return len(mef) == MEF_LENGTH and mef[8] == mef[9]
