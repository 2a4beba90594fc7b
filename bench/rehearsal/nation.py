"""A nation in whole numbers: who is in which school, who moves where, what each school sends.

A learner is a number. At the beginning he is in school `number % schools`, at the place
`number // schools`; those at the first places move, each to a school of his own, so that every
school loses and receives as many.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.identifiers import KEY_LETTERS, Uai

SCHOOLS = 11_000
PLACES = 509
"""Learners of a school: 5.6 million in all."""
MOVERS = 68
"""Of each school: 750,000 in all, hence 1.5 million events of departures and arrivals."""
RECORDS = 5
WRONG_NAMES = 3
_STRIDE = 7
"""Movers of one school go this many schools apart."""


@dataclass(frozen=True, slots=True)
class Nation:
    """So many schools, on the day when their files were made."""

    schools: int
    day: dt.date

    @property
    def learners(self) -> int:
        """How many there are at the beginning."""
        return self.schools * PLACES

    @property
    def movers(self) -> int:
        """How many of them move."""
        return self.schools * MOVERS

    def uai(self, school: int) -> Uai:
        """The code of a school."""
        digits = 1_000_000 + school
        return Uai(f"{digits:07d}{KEY_LETTERS[digits % 23]}")

    def number(self, school: int, place: int) -> int:
        """The learner who is there at the beginning."""
        return place * self.schools + school

    def destination(self, school: int, place: int) -> int:
        """The school to which the mover at a place goes."""
        return (school + self._way(place)) % self.schools

    def arrivals(self, school: int) -> list[int]:
        """The learners who come to a school."""
        return [
            self.number((school - self._way(place)) % self.schools, place)
            for place in range(MOVERS)
        ]

    def _way(self, place: int) -> int:
        return 1 + place * _STRIDE % (self.schools - 1)

    def switches_late(self, school: int) -> bool:
        """Whether a school switches transfers on only after its imports: one in twenty."""
        return school % 20 == 7

    def corrects(self, school: int) -> bool:
        """Whether a school sends a first file with wrong names and without half of those who come,
        and then the right one: one in eleven.
        """
        return school % 11 == 3

    def repeats(self, school: int) -> bool:
        """Whether a school sends its file twice: one in eleven."""
        return school % 11 == 5

    def files(self, school: int) -> Sequence[str]:
        """The names of the files that a school sends, in order."""
        right = f"{self.uai(school)}-2.zip"
        if self.corrects(school):
            return f"{self.uai(school)}-1.zip", right
        return (right, right) if self.repeats(school) else (right,)

    def schedule(self) -> list[tuple[int, str | None]]:
        """All that the schools do, in order: (school, file), or None for the switch. Whoever sends
        a second file does so some time after the first.
        """
        dice = random.Random(1)
        acts = [act for school in range(self.schools) for act in self._acts(school, dice)]
        return [(school, file) for _, school, file in sorted(acts, key=lambda act: act[:2])]

    def _acts(self, school: int, dice: random.Random) -> Iterator[tuple[float, int, str | None]]:
        moment = dice.random()
        for file in self.files(school):
            yield moment, school, file
            moment += dice.uniform(0.05, 0.3)
        if self.switches_late(school):
            yield moment, school, None


def scaled(scale: float, day: dt.date) -> Nation:
    """A part of the nation: fewer schools, each as large as ever."""
    return Nation(max(2, round(SCHOOLS * scale)), day)
