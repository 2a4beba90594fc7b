"""Exports in the layout of SIECLE, of any size, piece by piece: 3.3 kB and 71 elements a pupil.

The pupil is that of a sample, with the further tags that SIECLE writes; what tells pupils apart is
given.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from services.siecle_import.identifiers import SchoolYear
from tests.support.siecle import rnie

SAMPLE = Path(__file__).parents[1] / "tests/samples/siecle/valides/09_ElevesAvecAdresses.xml"
ENCODING = "iso-8859-15"
UAI, EXPORTED, YEAR = "9990001X", "15/09/2025 18:02:31", ">2025<"

_RECORDS = ("ELEVE", "OPTION", "STRUCTURES_ELEVE", "BOURSE", "ADRESSE")

# What SIECLE writes besides, put before the element of the sample that is named.
_MORE = {
    "ELEVE": (
        "        <SCOLARITE_AN_DERNIER>",
        """\
        <NOM_USAGE></NOM_USAGE>
        <PRENOM2>Camille</PRENOM2>
        <TEL_PERSONNEL>0300000000</TEL_PERSONNEL>
        <TEL_PORTABLE>0600000000</TEL_PORTABLE>
{exit}""",
    ),
    "STRUCTURES_ELEVE": (
        "      </STRUCTURES_ELEVE>",
        """\
        <STRUCTURE>
          <CODE_STRUCTURE>{division}G1</CODE_STRUCTURE>
          <TYPE_STRUCTURE>G</TYPE_STRUCTURE>
        </STRUCTURE>
""",
    ),
}
# What tells one pupil of the sample from another, and what takes its place.
_PLACES = {
    "700001": "{eleve_id}",
    "91001": "{address}",
    "1001": "{local}",
    "990007919HH": "{ine}",
    "14/03/2009": "{birth}",
    "BÉCŒUR": "{name}",
    "Cœlia": "{first_name}",
    "2MELEC": "{division}",
}

Fields = Mapping[str, object]
"""What is told of a pupil: a value for each of the places."""


def _parts() -> Iterator[tuple[str, str]]:
    """The sample cut at its records: the text before each, and the template of the record."""
    text = SAMPLE.read_text(encoding=ENCODING)
    for tag in _RECORDS:
        record = re.findall(rf" *<{tag} .*?</{tag}>\n", text, re.DOTALL)[0]
        before, _, text = text.partition(record)
        yield before, _template(tag, record)
    yield text, ""


def _template(tag: str, record: str) -> str:
    for text, place in _PLACES.items():
        record = record.replace(text, place)
    if tag in _MORE:
        before, more = _MORE[tag]
        record = record.replace(before, more + before)
    return record


_CUT = tuple(_parts())


def export(uai: str, exported: str, pupils: Iterable[Fields]) -> Iterator[bytes]:
    """The export of a school at a moment (`JJ/MM/AAAA HH:MM:SS`)."""
    told = list(pupils)
    day = dt.datetime.strptime(exported[:10], "%d/%m/%Y").date()  # noqa: DTZ007 - a day
    year = SchoolYear.for_day(day)
    for before, template in _CUT:
        head = before.replace(UAI, uai, 1).replace(EXPORTED, exported).replace(YEAR, f">{year}<")
        yield head.encode(ENCODING)
        yield "".join(map(template.format_map, told)).encode(ENCODING) if template else b""


def export_of(pupils: int) -> bytes:
    """An export of so many pupils, who differ in their numbers, name, birth date and division."""
    return b"".join(export(UAI, EXPORTED, map(_about, range(pupils))))


def _about(number: int) -> Fields:
    return {
        "eleve_id": 700_000 + number,
        "address": 91_000 + number,
        "local": 1_000 + number,
        "ine": rnie(number),
        "birth": f"{number % 28 + 1:02d}/{number % 12 + 1:02d}/{number % 4 + 2007}",
        "name": f"BÉCŒUR{number}",
        "first_name": "Cœlia",
        "division": f"2MELEC{number // 30 % 40}",
        "exit": "",
    }
