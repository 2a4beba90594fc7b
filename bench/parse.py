"""Reading a SIECLE file of 10 MB, beside ElementTree.iterparse that takes the same fields."""

import asyncio
import io
import time
from collections.abc import Callable, Sequence
from functools import partial
from xml.parsers import expat

from rich.console import Console

from bench.export import export_of
from bench.naive.reading import read
from bench.results import Result
from bench.turns import in_turn
from deploy.local.servers import Servers
from services.siecle_import.files.archive import find_xml
from services.siecle_import.files.encoding import encoding_of, utf8_chunks
from services.siecle_import.files.reader import FileText, read_into

PUPILS = 3_000
ROUNDS = 7


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
