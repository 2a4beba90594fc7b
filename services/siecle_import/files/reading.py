"""Reading a file that a school has dropped: everything it says, and everything to say about it.

`read` never raises for what is in the file. It knows no base: what is older, who would be
deactivated, who is whom among the learners, is the import's.
"""

import datetime as dt
import gc
import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from services.siecle_import.files import table
from services.siecle_import.files.archive import (
    CHUNK_BYTES,
    Digest,
    Progress,
    WrongKindError,
    XmlFile,
    find_xml,
)
from services.siecle_import.files.catalogue import LEVELS
from services.siecle_import.files.encoding import encoding_of, utf8_chunks
from services.siecle_import.files.findings import FileRefusedError, Finding, finding, refused
from services.siecle_import.files.header import Expected, Header, judge_header
from services.siecle_import.files.kinds import ROOTS, Kind, root_of
from services.siecle_import.files.reader import FileText, read_into
from services.siecle_import.files.rows import LineInError, PupilLine
from services.siecle_import.files.whole import Whole, judge_whole
from services.siecle_import.identifiers import SchoolYear
from shared.identifiers import Uai

Verdict = Literal["accepted", "confirmation", "refused"]

_COLLECTED_AFTER = 4_000_000  # bytes
_LEVELS = list(LEVELS)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says.

    `uai` is the text of UAJ, trimmed and in capitals, right or not; it is None, as `school_year`,
    when the file does not say it or when reading stopped before. `horodatage` is aware, in the
    school's time zone. `sha256` is that of the unzipped XML; None when it cannot be read to its
    end. `pupils` has those who are present and those who left; a line that left is not in it when
    an active line has its INE. The counts are 0 when reading stopped; `read` has every ELEVE,
    `active` and `left` those without line error, `without_ine` and `without_division` those that
    the file warns of.
    """

    verdict: Verdict
    kind: Kind
    uai: str | None
    school_year: int | None
    horodatage: dt.datetime
    sha256: str | None
    read: int = 0
    active: int = 0
    left: int = 0
    without_ine: int = 0
    without_division: int = 0
    planned_departures: int = 0
    pupils: tuple[PupilLine, ...] = ()
    in_error: tuple[LineInError, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Contents:
    """What comes out of the bytes, before any rule about pupils."""

    text: FileText = field(default_factory=FileText)
    kind: Kind = "unknown"
    sha256: str | None = None
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Keep the finding of a refusal; what was read before it stays."""
        try:
            yield
        except FileRefusedError as refusal:
            self.complete = False
            if refusal.finding not in self.findings:  # the same may be met twice: it is read twice
                self.findings.append(refusal.finding)
            if isinstance(refusal, WrongKindError):
                self.kind = refusal.kind


def read(
    source: BinaryIO,
    *,
    today: dt.date,
    received_at: dt.datetime,
    uai: Uai | None = None,
    progress: Progress = lambda _: None,
) -> Reading:
    """Read an upload: the zip of SIECLE or its XML, or a CSV of learners outside SIECLE.

    `source` is seekable and is read several times; it is not closed. `today` is the day at the
    school, `received_at` the aware moment of the upload, `uai` the school that imports: without it
    any school's file will do, if its code is right. `progress` is called from another thread.

    The work is done in a thread that ends with it, because lxml keeps the names of a file for the
    life of a thread: a file made of millions of names would stay in memory.
    """
    expected = Expected(uai, today, received_at)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="siecle") as thread:
        return thread.submit(_read, source, expected, progress).result()


def _read(source: BinaryIO, expected: Expected, progress: Progress) -> Reading:
    source.seek(0)
    if table.is_learners_table(source.read(CHUNK_BYTES)):
        return _read_table(source, expected)
    contents = _Contents()
    with contents.refusals():
        _parse(find_xml(source), contents, progress)
    header = judge_header(contents.text.parameters, expected, complete=contents.complete)
    whole = judge_whole(contents.text, expected.today) if contents.complete else Whole()
    return _reading(contents, header, whole)


def _read_table(source: BinaryIO, expected: Expected) -> Reading:
    """A CSV says neither its school nor its moment: it is of the school that sends it, of now."""
    contents = _Contents(kind="csv")
    with contents.refusals():
        table.read_table_into(contents.text, source)
    source.seek(0)
    contents.sha256 = hashlib.sha256(source.read(table.MAX_BYTES)).hexdigest()
    whole = judge_whole(contents.text, expected.today) if contents.complete else Whole()
    table.settle(whole)
    contents.findings = [table.reworded(one) for one in contents.findings]
    year = SchoolYear.for_day(expected.today)
    return _reading(contents, Header(expected.uai, year, expected.received_at, ()), whole)


@dataclass(slots=True)
class _Parsed:
    """The bytes parsed since the collector was asked last.

    lxml's parser and its context hold each other, and the names of a file: the collector, which
    does not know how much that is, would wait for long.
    """

    bytes: int = 0

    def add(self, size: int) -> None:
        """Ask the collector if that is much by now."""
        self.bytes += size
        if self.bytes > _COLLECTED_AFTER:
            gc.collect()
            self.bytes = 0


_PARSED = _Parsed()


def _parse(file: XmlFile, contents: _Contents, progress: Progress) -> None:
    """Parse the XML; its digest is that of the whole file even when parsing stops before."""
    digest = Digest(file, progress)
    with contents.refusals():
        head = file.head()
        if not head:
            raise refused("empty_file")
        contents.kind = ROOTS.get(root_of(head) or "", ("unknown", ""))[0]
        encoding = encoding_of(head, file.chunks)
        if encoding.wrongly_declared:
            contents.findings.append(
                finding(
                    "encoding_mismatch",
                    value=encoding.wrongly_declared,
                    other=encoding.codec.upper(),
                )
            )
        read_into(contents.text, utf8_chunks(digest.chunks(), encoding))
    contents.sha256 = digest.finish()
    _PARSED.add(digest.size)


def _reading(contents: _Contents, header: Header, whole: Whole) -> Reading:
    findings = sorted(
        (*contents.findings, *header.findings, *whole.findings),
        key=lambda one: _LEVELS.index(one.level),
    )
    return Reading(
        verdict=_verdict(findings),
        kind=contents.kind,
        uai=header.uai,
        school_year=header.school_year,
        horodatage=header.horodatage,
        sha256=contents.sha256,
        read=whole.read,
        active=whole.active,
        left=whole.left,
        without_ine=_count(findings, "ine_missing"),
        without_division=_count(findings, "division_missing"),
        planned_departures=sum(line.planned_departure is not None for line in whole.pupils),
        pupils=tuple(whole.pupils),
        in_error=tuple(whole.in_error),
        findings=tuple(findings),
    )


def _verdict(findings: Iterable[Finding]) -> Verdict:
    levels = {one.level for one in findings}
    if "refusal" in levels:
        return "refused"
    return "confirmation" if "confirmation" in levels else "accepted"


def _count(findings: Iterable[Finding], code: str) -> int:
    return sum(one.code == code for one in findings)
