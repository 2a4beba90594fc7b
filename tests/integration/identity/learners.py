"""200 learners whose names, INE and birth dates can be nothing else, wherever they are found."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from deploy.local.seeds.learners import Learner

FAMILY: Final = "Évrœzkqwxj"
FIRST: Final = "Quëvbzxkwç"
"""What every family name, and every first name, begins with."""
USAGE: Final = "Ñÿtqgvwxé"
MARKS: Final = ("zkqwxj", "vbzxkw", "tqgvwx")
"""Letters of each that stand in no other word."""
INE_STEM: Final = "990731"
YEAR: Final = 2010
"""In which all are born, each on a day of his own; nothing else in the story is of that year."""
FEW: Final = 200

_ENDINGS: Final = ["".join(two) for two in product("abcdefghijklmnop", repeat=2)]


def _made(numbers: range, *, course: int = 0, has_ine: bool = True) -> list[Learner]:
    return [
        Learner(
            31_000 + number,
            f"{FAMILY}{_ENDINGS[number]}".upper(),
            f"{FIRST}{_ENDINGS[number]}",
            course,
            dt.date(YEAR, 1, 1) + dt.timedelta(days=number),
            has_ine,
        )
        for number in numbers
    ]


STAY_A: Final = _made(range(70))
STAY_B: Final = _made(range(70, 130))
MOVE: Final = _made(range(130, 145))
"""Those who leave A and come to B."""
DOUBTFUL: Final = _made(range(145, 148))
"""They too, but B knows another birth date: a case for people."""
BY_HAND: Final = _made(range(148, 152), has_ine=False)
TABLE: Final = _made(range(152, 172))
"""Those whom a school without SIECLE sends as a CSV."""
COLLEGE_STAY: Final = _made(range(172, 192))
ENTERED: Final = _made(range(192, 200), has_ine=False)
EVERYONE: Final[Sequence[Learner]] = (
    *STAY_A, *STAY_B, *MOVE, *DOUBTFUL, *BY_HAND, *TABLE, *COLLEGE_STAY, *ENTERED,
)  # fmt: skip
REFUSED: Final = replace(STAY_A[0], number=31_900, family=f"{FAMILY}zz".upper())
"""One more, whom the database of the pupils is told to refuse."""


def born_elsewhere(learner: Learner) -> Learner:
    """The same INE with another birth date of the same year."""
    return replace(learner, born=learner.born + dt.timedelta(days=100))


def birth_dates() -> Iterator[dt.date]:
    """Every birth date of the story."""
    for one in EVERYONE:
        yield one.born
    for one in DOUBTFUL:
        yield born_elsewhere(one).born


def table(learners: Sequence[Learner]) -> bytes:
    """A CSV as a school without SIECLE sends it."""
    head = (
        "nom_de_famille;nom_usage;prenom;date_naissance;ine;sexe;statut;mef;classe;date_entree;"
        "date_sortie;motif_sortie"
    )
    lines = (
        f"{one.family};{USAGE};{one.first};{one.born:%d/%m/%Y};{one.ine};F;;;2CAP;;;"
        for one in learners
    )
    return "\r\n".join([head, *lines, ""]).encode()
