"""Reading a SIECLE file of 10 MB, beside ElementTree.iterparse that takes the same fields."""

import asyncio
import io
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from xml.parsers import expat

from rich.console import Console

from bench.naive.reading import read
from bench.results import Result
from bench.turns import in_turn
from deploy.local.servers import Servers
from services.siecle_import.files.archive import find_xml
from services.siecle_import.files.encoding import encoding_of, utf8_chunks
from services.siecle_import.files.reader import FileText, read_into
from tests.support.siecle import rnie

SAMPLE = Path(__file__).parents[1] / "tests/samples/siecle/valides/09_ElevesAvecAdresses.xml"
PUPILS = 3_000
ROUNDS = 7
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
""",
    ),
    "STRUCTURES_ELEVE": (
        "      </STRUCTURES_ELEVE>",
        """\
        <STRUCTURE>
          <CODE_STRUCTURE>2MELECG1</CODE_STRUCTURE>
          <TYPE_STRUCTURE>G</TYPE_STRUCTURE>
        </STRUCTURE>
""",
    ),
}
# What tells one pupil of the sample from another, and what takes its place.
_PLACES = {
    "700001": "{number}",
    "91001": "{address}",
    "1001": "{local}",
    "990007919HH": "{ine}",
    "14/03/2009": "{birth}",
    "BÉCŒUR": "{name}",
    "2MELEC": "{division}",
}


def export_of(pupils: int) -> bytes:
    """An export of so many pupils in the layout of SIECLE: 3.3 kB and 71 elements each.

    The pupil is that of a sample, with the further tags that SIECLE writes; pupils differ in their
    numbers, name, birth date and division.
    """
    text = SAMPLE.read_text(encoding="iso-8859-15")
    for tag in _RECORDS:
        record = re.findall(rf" *<{tag} .*?</{tag}>\n", text, re.DOTALL)[0]
        template = _template(tag, record)
        text = text.replace(record, "".join(template.format_map(_about(n)) for n in range(pupils)))
    return text.encode("iso-8859-15")


def _template(tag: str, record: str) -> str:
    if tag in _MORE:
        before, more = _MORE[tag]
        record = record.replace(before, more + before)
    for text, place in _PLACES.items():
        record = record.replace(text, place)
    return record


def _about(number: int) -> dict[str, object]:
    return {
        "number": 700_000 + number,
        "address": 91_000 + number,
        "local": 1_000 + number,
        "ine": rnie(number),
        "birth": f"{number % 28 + 1:02d}/{number % 12 + 1:02d}/{number % 4 + 2007}",
        "name": f"BÉCŒUR{number}",
        "division": f"2MELEC{number // 30 % 40}",
    }


def _ours(data: bytes) -> int:
    file, text = find_xml(io.BytesIO(data)), FileText()
    read_into(text, utf8_chunks(file.chunks(), encoding_of(file.head(), file.chunks)))
    return len(text.pupils)


def _naive(data: bytes) -> int:
    return len(read(io.BytesIO(data)))


def _expat(data: bytes) -> int:
    """What nobody can beat: the XML is looked at, and nothing is taken from it."""
    parser = expat.ParserCreate()
    parser.Parse(data, True)  # noqa: FBT003 - it takes no keyword
    return PUPILS


def parse(_running: Servers, _console: Console) -> Sequence[Result]:
    """Pupils a second: ours, with its safety rules, and the naive way, with none."""
    data = export_of(PUPILS)

    async def rate(way: Callable[[bytes], int]) -> float:
        begun = time.perf_counter()
        if way(data) != PUPILS:
            raise ValueError("not all pupils were read")
        return PUPILS / (time.perf_counter() - begun)

    ways = (partial(rate, way) for way in (_ours, _naive, _expat))
    rates = asyncio.run(in_turn(*ways, rounds=ROUNDS))
    return [Result.of("parse", "pupils/s", rates, "expat alone, without a handler")]
