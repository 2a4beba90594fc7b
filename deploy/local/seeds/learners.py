"""The learners of the demonstration, and the exports of SIECLE that hold them. None of them exists;
their INE begin with 99.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Final

COURSES: Final = (
    ("24723332031", "2TNE1"), ("24725510132", "1MELEC1"), ("24725108132", "1MSPC1"),
    ("24733105131", "2PMIA1"),
)  # fmt: skip
"""MEF and division; `inspection.py` says which belong to a diploma. The last one is in none."""

FAMILIES: Final = (
    "ADAM", "BARBIER", "BŒUF", "CHARPENTIER", "D'ALMEIDA", "DUPUIS", "FERRAND", "GAUTHIER",
    "HERVÉ", "JOLY", "LACROIX", "LE GOFF", "MARÉCHAL", "NGUYEN", "OLIVIER", "PICHON", "QUÉRÉ",
    "RENARD", "SÁNCHEZ", "TRAORÉ",
)  # fmt: skip
FIRST: Final = (
    "Aïcha", "Baptiste", "Camille", "Dylan", "Élise", "Farid", "Gaëlle", "Hugo", "Inès", "Jules",
    "Kenza", "Loïc", "Manon", "Noé",
)  # fmt: skip
_KEY: Final = "ABCDEFGHJK"


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner; `number` makes his INE, and his number in SIECLE."""

    number: int
    family: str
    first: str
    course: int = 1
    born: dt.date = dt.date(2009, 3, 14)
    has_ine: bool = True
    previous: str = ""

    @property
    def ine(self) -> str:
        """The fictional INE, its key right; empty without one."""
        return rnie(self.number) if self.has_ine else ""


def rnie(number: int) -> str:
    """An INE (RNIE) with a right key."""
    digits = f"{990700000 + number:09d}"
    tens, units = divmod(97 - int(digits) % 97, 10)
    return digits + _KEY[tens] + _KEY[units]


def many(start: int, count: int) -> list[Learner]:
    """So many learners, the same ones each time, numbered from `start`."""
    names = islice(product(FIRST, FAMILIES), start % 7, None)
    return [
        Learner(
            number, family, first, number % len(COURSES),
            dt.date(2008 + number % 2, 1 + number % 12, 1 + number % 28),
        )
        for number, (first, family) in zip(range(start, start + count), names, strict=False)
    ]  # fmt: skip


def elsewhere_born(learner: Learner) -> Learner:
    """The same INE with another birth date: someone to be judged by people."""
    return replace(learner, born=learner.born + dt.timedelta(days=31))


def export(uai: str, moment: dt.datetime, learners: Iterable[Learner]) -> bytes:
    """« Élèves sans adresses » of a school at a moment."""
    those = sorted(learners, key=lambda one: one.number)
    year = moment.year if moment.month >= 8 else moment.year - 1
    text = (
        '<?xml version="1.0" encoding="ISO-8859-15"?><BEE_ELEVES VERSION="3.0"><PARAMETRES>'
        f"<UAJ>{uai}</UAJ><ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE>"
        f"<HORODATAGE>{moment:%d/%m/%Y %H:%M:%S}</HORODATAGE></PARAMETRES><DONNEES>"
        f"<ELEVES>{''.join(_pupils(those))}</ELEVES>"
        f"<STRUCTURES>{''.join(_divisions(those))}</STRUCTURES></DONNEES></BEE_ELEVES>"
    )
    return text.encode("iso-8859-15")


def _pupils(learners: Iterable[Learner]) -> Iterator[str]:
    for one in learners:
        before = f"<CODE_RNE>{one.previous}</CODE_RNE>" if one.previous else ""
        yield (
            f'<ELEVE ELEVE_ID="{one.number}"><ID_NATIONAL>{one.ine}</ID_NATIONAL>'
            f"<NOM_DE_FAMILLE>{one.family}</NOM_DE_FAMILLE><PRENOM>{one.first}</PRENOM>"
            f"<DATE_NAISS>{one.born:%d/%m/%Y}</DATE_NAISS><CODE_SEXE>{1 + one.number % 2}"
            f"</CODE_SEXE><CODE_STATUT>ST</CODE_STATUT><CODE_MEF>{COURSES[one.course][0]}"
            f"</CODE_MEF><SCOLARITE_AN_DERNIER>{before}</SCOLARITE_AN_DERNIER></ELEVE>"
        )


def _divisions(learners: Iterable[Learner]) -> Iterator[str]:
    for one in learners:
        yield (
            f'<STRUCTURES_ELEVE ELEVE_ID="{one.number}"><STRUCTURE><CODE_STRUCTURE>'
            f"{COURSES[one.course][1]}</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE>"
            "</STRUCTURE></STRUCTURES_ELEVE>"
        )
