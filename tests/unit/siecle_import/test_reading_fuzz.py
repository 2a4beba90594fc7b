"""Whatever the bytes, `read` answers; it never raises, nor takes long, nor much memory.

`FUZZ_EXAMPLES` sets how many files each test tries (200 by default).
"""

import datetime as dt
import io
import os
import re
import resource
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.siecle_import.files.catalogue import CATALOGUE
from services.siecle_import.files.reading import Reading
from services.siecle_import.files.table import COLUMNS
from tests.unit.siecle_import.files import SAMPLES, reading_of, zipped

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "200")),
    deadline=dt.timedelta(seconds=2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


MAX_MORE_MB = 100


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """All these files together add less than `MAX_MORE_MB` to what the process takes at most."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    assert more < MAX_MORE_MB


def _contents(pattern: str) -> dict[str, bytes]:
    paths = [path for path in SAMPLES.glob(pattern) if path.stat().st_size < 20_000]
    return {path.name: path.read_bytes() for path in sorted(paths)}


FILES = {"xml": _contents("*/*.xml"), "zip": _contents("zip/*.zip")}
TAGS = sorted(set(re.findall(rb"</?[A-Z_]+ ?/?>", b"".join(FILES["xml"].values()))))
SCRAPS = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(TAGS),
    st.sampled_from(
        [
            b"\0",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\xc3",
            b"\x80",
            b"<!DOCTYPE x>",
            b"<![CDATA[",
            b"]]>",
            b"<!--",
            b"&#0;",
            b"&x;",
            b' ELEVE_ID="1"',
            b" xmlns='a'",
            b"encoding='utf-16'",
            b"<ELEVE/>",
            b"31/02/2009",
            "é".encode(),
        ]
    ),
)


@st.composite
def sampled(draw: st.DrawFn, kind: str) -> bytes:
    """A sample file; drawn by its name, so that Hypothesis has no long text to show."""
    return FILES[kind][draw(st.sampled_from(list(FILES[kind])))]


@st.composite
def mutated(draw: st.DrawFn, kind: str, changes: int = 6) -> bytes:
    """A sample with some pieces cut, repeated, moved or replaced."""
    content = draw(sampled(kind))
    for _ in range(draw(st.integers(0, changes))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 300)))
        piece = draw(st.one_of(SCRAPS, st.just(content[start:end] * 2)))
        content = content[:start] + piece + content[end:]
    return content


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>&\ufffe\uffff"),
    max_size=30,
)


@st.composite
def mutated_tree(draw: st.DrawFn) -> bytes:
    """A sample that stays well-formed, with other values and with elements lost or doubled."""
    text = draw(sampled("xml")).decode("utf-8", "replace")
    text = re.sub(r"<[?!][^>]*>", "", text.removeprefix("\ufeff"))
    leaves = list(re.finditer(r"<([A-Z_]+)>([^<>]*)</\1>", text))
    for _ in range(draw(st.integers(1, 8)) if leaves else 0):
        leaf = draw(st.sampled_from(leaves))
        value = draw(TEXT)
        by = draw(st.sampled_from(["", f"<{leaf[1]}>{value}</{leaf[1]}>", leaf[0] * 2]))
        text = text.replace(leaf[0], by, draw(st.sampled_from([1, -1])))
    return text.encode("utf-8")


def _check(reading: Reading) -> None:
    """What holds of any answer."""
    assert reading.horodatage.tzinfo is not None
    assert (reading.verdict == "refused") == any(f.level == "refusal" for f in reading.findings)
    assert reading.read == reading.active + reading.left + len(reading.in_error)
    assert all(one.code in CATALOGUE for one in reading.findings)
    assert all(one.message.isprintable() for one in reading.findings)
    if reading.verdict != "refused":
        assert reading.sha256 is not None
        assert reading.uai == "9990001X"
        assert reading.school_year is not None
        numbers = [pupil.eleve_id or pupil.line for pupil in reading.pupils]
        assert len(numbers) == len(set(numbers))


@fuzzed
@given(st.one_of(st.binary(max_size=300), mutated("xml")))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    _check(reading_of(content))


@fuzzed
@given(mutated_tree())
def test_any_tree_gets_an_answer(content: bytes) -> None:
    _check(reading_of(content))


@fuzzed
@given(mutated("zip"))
def test_any_damaged_zip_gets_an_answer(content: bytes) -> None:
    _check(reading_of(content))


@fuzzed
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(["a.xml", "__MACOSX/._a", "d/", "../x"]),
                st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=9),
            ),
            st.one_of(mutated("xml", changes=1), st.binary(max_size=50)),
        ),
        max_size=4,
        unique_by=lambda entry: entry[0],
    )
)
def test_any_zip_gets_an_answer(entries: list[tuple[str, bytes]]) -> None:
    try:
        content = zipped(*entries)
    except (ValueError, UnicodeEncodeError):  # a name that cannot be written
        return
    assert zipfile.is_zipfile(io.BytesIO(content))
    _check(reading_of(content))


@fuzzed
@given(
    mutated_tree(), st.sampled_from(["utf-16", "utf-16-be", "cp1252", "iso8859-15", "utf-8-sig"])
)
def test_any_encoding_gets_an_answer(content: bytes, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding[:6]}"?>' + content.decode()
    _check(reading_of(text.encode(encoding, "xmlcharrefreplace")))


ROW = b"NOM;;Awa;04/05/2007;990000000EC;F;AP;;CAP 1;01/09/2025;;\r\n"
CELLS = st.sampled_from(
    [b";", b'"', b"\r", b"\n", b"\xff", b"\0", b"31/02/2007", b"=1", b"M", b" "]
)


@fuzzed
@given(st.lists(st.tuples(st.integers(0, 600), CELLS), max_size=12), st.integers(1, 9))
def test_any_table_gets_an_answer(scraps: list[tuple[int, bytes]], rows: int) -> None:
    content = ";".join(COLUMNS).encode() + b"\r\n" + ROW * rows
    for place, scrap in scraps:
        content = content[:place] + scrap + content[place:]
    _check(reading_of(content))
