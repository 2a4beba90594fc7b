"""What a file tells of a learner, and what the bases hold of him when nothing has changed."""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from bench.export import Fields
from bench.rehearsal.nation import MOVERS, PLACES, WRONG_NAMES, Nation
from services.siecle_import.domain.pupils import Pupil
from shared.identifiers import Uai
from tests.support.siecle import rnie

PARIS = ZoneInfo("Europe/Paris")
MEF, PREVIOUS = "24723332031", Uai("9990002Y")
ENTRY = (9, 1)
_NAMESPACE = UUID("5a0c6d9e-3a53-4d5c-9d9a-0a5b6f0f9f4e")
_COMING = 10_000_000
"""Added to the number of a learner who comes: another school, another ELEVE_ID."""
_SYLLABLES = (
    "MAR", "TIN", "BER", "NARD", "DU", "BOIS", "THO", "MAS", "RO", "BERT", "PE", "TIT", "LE",
    "ROY", "MO", "REAU", "SI", "MON", "LAU", "RENT", "FEB", "VRE", "GAR", "CIA", "FOUR", "NIER",
)  # fmt: skip
_FIRST_NAMES = (
    "Adam", "Aïcha", "Chloé", "Éloi", "Emma", "Gaël", "Hugo", "Inès", "Jade", "Kévin", "Léa",
    "Lucas", "Maëlys", "Manon", "Mehdi", "Nathan", "Noé", "Océane", "Rayan", "Sarah", "Théo", "Zoé",
)  # fmt: skip


def pupil_id(number: int) -> UUID:
    """The id of a learner who is there at the beginning."""
    return uuid5(_NAMESPACE, str(number))


def known_since(nation: Nation) -> dt.datetime:
    """The moment of the imports in force at the beginning."""
    return dt.datetime.combine(nation.day - dt.timedelta(14), dt.time(9), PARIS)


def exported(nation: Nation, file: str) -> str:
    """The moment of a file, as SIECLE writes it: the second one of a school is younger."""
    return (
        f"{nation.day - dt.timedelta(1):%d/%m/%Y} {'18' if file.endswith('-2.zip') else '08'}:30:00"
    )


def told_by(nation: Nation, school: int, file: str) -> Iterable[Fields]:
    """Who is in a file of a school. Of those who left, one in three has a date of exit."""
    is_right = file.endswith("-2.zip")
    left = f"        <DATE_SORTIE>{nation.day - dt.timedelta(10):%d/%m/%Y}</DATE_SORTIE>\n"
    for place in range(PLACES):
        number = nation.number(school, place)
        if place >= MOVERS:
            wrong = not is_right and place < MOVERS + WRONG_NAMES
            yield _fields(number, number, place, wrong=wrong)
        elif place % 3 == 0:
            yield _fields(number, number, place, left)
    for place, number in enumerate(nation.arrivals(school)):
        if is_right or place % 2:
            yield _fields(number, number + _COMING, place)


def _fields(
    number: int, eleve_id: int, place: int, left: str = "", *, wrong: bool = False
) -> Fields:
    born = birth_date(number)
    return {
        "eleve_id": eleve_id,
        "address": 20_000_000 + eleve_id,
        "local": 1_000 + place,
        "ine": rnie(number),
        "birth": f"{born:%d/%m/%Y}",
        "name": family_name(number),
        "first_name": "Autre" if wrong else first_name(number),
        "division": division(place),
        "exit": left,
    }


def family_name(number: int) -> str:
    """One of many thousand names."""
    count = len(_SYLLABLES)
    return "".join(_SYLLABLES[number // count**power % count] for power in range(3))


def first_name(number: int) -> str:
    """One of some names."""
    return _FIRST_NAMES[number % len(_FIRST_NAMES)]


def birth_date(number: int) -> dt.date:
    """Between 2007 and 2010."""
    return dt.date(2007, 1, 1) + dt.timedelta(number * 37 % 1_400)


def division(place: int) -> str:
    """Thirty learners each."""
    return f"2MELEC{place // 30}"


def pupil(nation: Nation, school: int, place: int) -> Pupil:
    """A learner as the pupil base holds him at the beginning: as the files tell of him."""
    number, since = nation.number(school, place), known_since(nation)
    return Pupil(
        id=pupil_id(number),
        uai=nation.uai(school),
        eleve_id=str(number),
        family_name=family_name(number),
        usage_name=None,
        first_name=first_name(number),
        birth_date=birth_date(number),
        sex="F",
        rnie=rnie(number),
        bea=None,
        ina=None,
        status="ST",
        mef=MEF,
        division=division(place),
        previous_uai=PREVIOUS,
        entry_date=dt.date(2025, 9, 1),
        exit_date=None,
        exit_reason=None,
        source="siecle",
        active=True,
        since=since,
        activated=since,
        reason=None,
        stay=1,
        version=1,
    )
