"""Who of a school's learners may be the one that another school offers (docs/transfer.md, 8)."""

import datetime as dt
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz

from services.siecle_import.domain.pupils import Pupil
from services.siecle_import.files.rows import aliases
from services.siecle_import.folding import fold

SHOWN = 10

# Of the score: names and birth date count so much, in percent.
NAMES, BIRTH = 0.6, 40
FAMILY, FIRST = 0.6, 0.4
ALIKE = 80  # names are alike from here on, of 100
LEAST_NAMES, LEAST = 55, 55  # below, it is chance
COMPOUND = 90  # « Marie » and « Marie-Anne »
TURNED = 0.95  # what is left of names that have changed places


class Why(StrEnum):
    """What speaks for one learner being the other."""

    SAME_INE = "same-ine"
    SAME_NAMES = "same-names"
    SIMILAR_NAMES = "similar-names"
    SWAPPED_NAMES = "swapped-names"
    OTHER_NAMES = "other-names"
    SAME_BIRTH = "same-birth"
    SWAPPED_BIRTH = "swapped-birth"
    ONE_DIGIT = "one-digit"
    OTHER_BIRTH = "other-birth"


_BIRTH = {
    Why.SAME_BIRTH: 1.0,
    Why.SWAPPED_BIRTH: 0.8,
    Why.ONE_DIGIT: 0.8,
    Why.OTHER_BIRTH: 0.0,
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A learner of the school, how near he is to the one offered (percent), and why."""

    pupil: Pupil
    score: int
    why: Sequence[Why]


def suggestions(offered: Pupil, base: Iterable[Pupil]) -> list[Suggestion]:
    """Those of `base` who may be the learner offered, the nearest first, `SHOWN` at the most."""
    subject = _Subject.of(offered)
    near = (one for pupil in base if (one := _compared(subject, pupil)) is not None)
    return heapq.nlargest(SHOWN, near, key=lambda one: (one.score, one.pupil.name))


@dataclass(frozen=True, slots=True)
class _Subject:
    """The learner offered, his names folded once."""

    ines: frozenset[str]
    families: Sequence[str]
    first: str
    birth_date: dt.date

    @classmethod
    def of(cls, pupil: Pupil) -> "_Subject":
        return cls(frozenset(aliases(pupil)), _families(pupil), fold(pupil.first_name),
            pupil.birth_date)  # fmt: skip


def _families(pupil: Pupil) -> list[str]:
    return [fold(name) for name in (pupil.family_name, pupil.usage_name) if name]


def _compared(subject: _Subject, pupil: Pupil) -> Suggestion | None:
    """How near a learner is to the subject; None where only chance makes them alike."""
    names, of_names = _names(subject, _families(pupil), fold(pupil.first_name))
    of_birth = birth(subject.birth_date, pupil.birth_date)
    if not subject.ines.isdisjoint(aliases(pupil)):
        return Suggestion(pupil, 100, (Why.SAME_INE, of_names, of_birth))
    score = round(NAMES * names + BIRTH * _BIRTH[of_birth])
    if names < LEAST_NAMES or score < LEAST:
        return None
    return Suggestion(pupil, min(score, 99), (of_names, of_birth))


def _names(subject: _Subject, families: Sequence[str], first: str) -> tuple[float, Why]:
    """How alike the names are, of 100, and in which way; family and usage name stand for each
    other, family and first name may have changed places.
    """
    family = max(fuzz.ratio(one, other) for one in subject.families for other in families)
    straight = FAMILY * family + FIRST * _first_names(subject.first, first)
    turned = max(
        FAMILY * fuzz.ratio(one, first) + FIRST * fuzz.ratio(subject.first, other)
        for one in subject.families
        for other in families
    )
    if turned > straight and turned >= ALIKE:
        return TURNED * turned, Why.SWAPPED_NAMES
    if straight == 100:
        return straight, Why.SAME_NAMES
    return straight, Why.SIMILAR_NAMES if straight >= ALIKE else Why.OTHER_NAMES


def _first_names(one: str, other: str) -> float:
    """How alike two first names are, of 100; a part of a compound name is nearly the whole."""
    ratio = fuzz.ratio(one, other)
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) > 2 and longer.startswith(shorter):
        return max(ratio, COMPOUND) if ratio < 100 else ratio
    return ratio


def birth(one: dt.date, other: dt.date) -> Why:
    """How two birth dates compare: equal, day and month exchanged, one digit off, or otherwise."""
    if one == other:
        return Why.SAME_BIRTH
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return Why.SWAPPED_BIRTH
    digits = zip(one.isoformat(), other.isoformat(), strict=True)
    return Why.ONE_DIGIT if sum(a != b for a, b in digits) == 1 else Why.OTHER_BIRTH
