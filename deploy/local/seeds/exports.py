"""Exports of SIECLE for the demonstration: only what the import reads."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.client import School

AUGUST = 8
_KEYS = "ABCDEFGHJK"
_MODULUS = 97


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner as SIECLE tells of him; the same `number` is the same person in every school."""

    number: int
    family_name: str
    first_name: str
    birth: str = "14/03/2009"
    division: str = "2MELEC"
    mef: str = "24723332031"
    has_ine: bool = True


def ine(number: int) -> str:
    """A fictional INE (99...) with a right key."""
    digits = f"{990500000 + number:09d}"
    tens, units = divmod(_MODULUS - int(digits) % _MODULUS, 10)
    return digits + _KEYS[tens] + _KEYS[units]


async def imported(school: School, learners: Sequence[Learner], exported: dt.date) -> None:
    """Have a school import the export of a day, with these learners."""
    year = exported.year if exported.month >= AUGUST else exported.year - 1
    parameters = (
        f"<UAJ>{school.uai}</UAJ><ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE>"
        f"<HORODATAGE>{exported:%d/%m/%Y} 08:30:00</HORODATAGE>"
    )
    text = (
        '<?xml version="1.0" encoding="ISO-8859-15"?><BEE_ELEVES VERSION="3.0"><PARAMETRES>'
        f"{parameters}</PARAMETRES><DONNEES><ELEVES>{''.join(map(_learner, learners))}</ELEVES>"
        f"<STRUCTURES>{''.join(map(_division, learners))}</STRUCTURES></DONNEES></BEE_ELEVES>"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder, "ElevesSansAdresses.xml")
        path.write_text(text, encoding="iso-8859-15")
        await school.import_file(path)


def _learner(one: Learner) -> str:
    national = f"<ID_NATIONAL>{ine(one.number)}</ID_NATIONAL>" if one.has_ine else ""
    return (
        f'<ELEVE ELEVE_ID="{500000 + one.number}">{national}'
        f"<NOM_DE_FAMILLE>{one.family_name}</NOM_DE_FAMILLE><PRENOM>{one.first_name}</PRENOM>"
        f"<DATE_NAISS>{one.birth}</DATE_NAISS><CODE_SEXE>2</CODE_SEXE>"
        f"<CODE_STATUT>ST</CODE_STATUT><CODE_MEF>{one.mef}</CODE_MEF></ELEVE>"
    )


def _division(one: Learner) -> str:
    return (
        f'<STRUCTURES_ELEVE ELEVE_ID="{500000 + one.number}"><STRUCTURE>'
        f"<CODE_STRUCTURE>{one.division}</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE>"
        "</STRUCTURE></STRUCTURES_ELEVE>"
    )
