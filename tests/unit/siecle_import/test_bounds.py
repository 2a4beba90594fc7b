"""Memory and time stay bounded, whatever the file.

Each file is read by a process of its own, whose peak of memory is measured.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.siecle_import.files import SAMPLES, document, eleve, latin9, structures

MEGABYTE = 1024 * 1024
HUGE = 20 * MEGABYTE

_MEASURE = """
import datetime, json, pathlib, re, sys, time
from services.siecle_import.files.reading import read

def peak():
    # Not ru_maxrss, which a process inherits from the one that starts it.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

def reading(path):
    with open(path, "rb") as file:
        return read(
            file,
            today=datetime.date(2026, 1, 20),
            received_at=datetime.datetime(2026, 1, 20, 12, tzinfo=datetime.UTC),
        )

reading(sys.argv[1])
before, start = peak(), time.monotonic()
found = reading(sys.argv[2])
print(json.dumps({
    "codes": sorted({one.code for one in found.findings}),
    "read": found.read,
    "more_memory": peak() - before,
    "seconds": time.monotonic() - start,
}))
"""


def _measured(path: Path, script: str = _MEASURE) -> dict[str, object]:
    small = SAMPLES / "valides/01_trois_eleves_latin9.xml"
    done = subprocess.run(
        [sys.executable, "-c", script, str(small), str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    measured: dict[str, object] = json.loads(done.stdout)
    return measured


def _write(path: Path, pieces: Iterator[bytes], size: int = HUGE) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            if file.tell() > size:
                break


def _repeated(start: str, again: str) -> Iterator[bytes]:
    block = again * (65536 // len(again) + 1)
    return itertools.chain([latin9(start)], itertools.repeat(block.encode("iso8859-15")))


_ELEVES = document().partition("</ELEVES>")[0]
_STRUCTURES = document(classes="").partition("</STRUCTURES>")[0]
_CHILD = "<CODE_PAYS>100</CODE_PAYS>"

NASTY: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "text": (lambda: _repeated(_ELEVES + "<ELEVE><NOM>", "x"), "xml_abnormal"),
    "text between": (lambda: _repeated(_ELEVES, "x"), "xml_abnormal"),
    "text outside": (lambda: _repeated("<BEE_ELEVES>", "x "), "xml_abnormal"),
    "blanks": (lambda: _repeated(_ELEVES, " \n"), "xml_abnormal"),
    "cdata": (lambda: _repeated(_ELEVES + "<ELEVE><NOM><![CDATA[", "x<"), "xml_abnormal"),
    "attribute": (lambda: _repeated(_ELEVES + '<ELEVE ELEVE_ID="', "x"), "xml_abnormal"),
    "name": (lambda: _repeated(_ELEVES + "<", "x"), "xml_abnormal"),
    "comment": (lambda: _repeated(_ELEVES + "<!--", "x"), "xml_abnormal"),
    "instruction": (lambda: _repeated(_ELEVES + "<?x ", "x"), "xml_abnormal"),
    "instructions": (lambda: _repeated(_ELEVES, "<?x?>"), "xml_truncated"),
    "instructions first": (lambda: _repeated("", "<?x?>"), "xml_abnormal"),
    "first comment": (lambda: _repeated("<!--", "x"), "xml_abnormal"),
    "comments first": (lambda: _repeated("", "<!-- x -->"), "xml_abnormal"),
    "depth": (lambda: _repeated(_ELEVES, "<ELEVE>"), "xml_malformed"),
    "depth elsewhere": (lambda: _repeated("<BEE_ELEVES>", "<A>"), "xml_malformed"),
    "children": (lambda: _repeated(_ELEVES + "<ELEVE>", _CHILD), "xml_abnormal"),
    "classes": (
        lambda: _repeated(_STRUCTURES + '<STRUCTURES_ELEVE ELEVE_ID="1">', "<STRUCTURE/>"),
        "xml_abnormal",
    ),
    "pupils": (lambda: _repeated(_ELEVES, eleve(None)), "xml_abnormal"),
    "empty pupils": (lambda: _repeated(_ELEVES, "<ELEVE/>"), "xml_abnormal"),
    "other elements": (lambda: _repeated(_ELEVES, "<A>x</A>"), "xml_truncated"),
    "unknown prefix": (lambda: _repeated(_ELEVES, "<x:A/>"), "xml_malformed"),
}


@pytest.mark.parametrize("name", NASTY)
def test_an_endless_file_is_refused_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    pieces, code = NASTY[name]
    path = tmp_path / "endless.xml"
    _write(path, pieces())
    measured = _measured(path)
    assert measured["codes"] == [code], measured
    assert float(str(measured["more_memory"])) < 48 * MEGABYTE, measured
    assert float(str(measured["seconds"])) < 30, measured


def test_a_zip_bomb_is_refused_with_flat_memory() -> None:
    measured = _measured(SAMPLES / "zip/14_bombe_64Mo.zip")
    assert measured["codes"] == ["zip_ratio"]
    assert float(str(measured["more_memory"])) < 5 * MEGABYTE, measured


_MEASURE_AGAIN = (
    _MEASURE.partition("reading(sys.argv[1])")[0]
    + """
reading(sys.argv[1])
before = peak()
reading(sys.argv[2])
once = peak() - before
for _ in range(4):
    reading(sys.argv[2])
print(json.dumps({"once": once, "again": peak() - before}))
"""
)


def test_the_names_of_a_file_do_not_stay_in_memory_after_it(tmp_path: Path) -> None:
    path = tmp_path / "names.xml"
    names = (f"<N{number}/>".encode() for number in itertools.count())
    _write(path, itertools.chain([latin9(_ELEVES + "<X>")], names), size=5 * MEGABYTE)
    measured = _measured(path, _MEASURE_AGAIN)
    # Kept for the life of the thread, they would take three times as much more.
    assert float(str(measured["again"])) < 2 * float(str(measured["once"])), measured


def _filled(number: int) -> str:
    """A pupil of the usual size, with what is not needed."""
    more = {f"AUTRE_{tag}": "x" * 60 for tag in range(30)}
    return eleve(str(number), NOM_DE_FAMILLE=f"NOM{number}", ID_NATIONAL=None, **more)


@pytest.mark.long
def test_twenty_five_thousand_pupils_take_little_more_memory_than_their_rows(
    tmp_path: Path,
) -> None:
    numbers = range(25_000)
    start, middle, end = document("@", "@").split("@")
    path = tmp_path / "large.xml"
    pupils = (_filled(number).encode("iso8859-15") for number in numbers)
    classes = (structures(str(number), "2MELEC").encode() for number in numbers)
    pieces = itertools.chain([latin9(start)], pupils, [middle.encode()], classes, [end.encode()])
    _write(path, pieces, size=95_000_000)
    measured = _measured(path)
    # Every one has a finding (no INE), which takes as much as the row itself.
    assert (measured["read"], measured["codes"]) == (25_000, ["ine_missing"])
    assert float(str(measured["more_memory"])) < 64 * MEGABYTE, measured
