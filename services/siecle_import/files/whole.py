"""The rules across the lines of a file: doubles, who wins, and whether anyone is left."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.siecle_import.files.findings import Finding, Subject, finding
from services.siecle_import.files.lines import judge
from services.siecle_import.files.reader import FileText
from services.siecle_import.files.rows import LineInError, PupilLine, aliases


@dataclass(slots=True)
class Whole:
    """All the lines of a file, judged; the counts are those of `Reading`."""

    pupils: list[PupilLine] = field(default_factory=list)
    in_error: list[LineInError] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    active: int = 0
    left: int = 0

    @property
    def read(self) -> int:
        """How many ELEVE the file has."""
        return self.active + self.left + len(self.in_error)


def judge_whole(text: FileText, today: dt.date) -> Whole:
    """Apply the rules of each line, then those across them. `text` is emptied on the way."""
    whole = _judge_lines(text, today)
    holders: dict[str, PupilLine] = {}
    for line in whole.pupils:
        if line.present:
            whole.findings += _already_held(line, holders)
            for ine in aliases(line):
                holders.setdefault(ine, line)
    whole.findings += _held_and_in_error(whole.in_error, holders)
    whole.pupils = [line for line in whole.pupils if not _gives_way(line, holders, whole.findings)]
    if not whole.read:
        whole.findings.append(finding("no_pupil"))
    elif not (whole.active or whole.in_error):
        whole.findings.append(finding("no_active_pupil"))
    return whole


def _judge_lines(text: FileText, today: dt.date) -> Whole:
    whole = Whole()
    seen: dict[str, Subject] = {}
    while text.pupils:
        row = text.pupils.popleft()
        judged = judge(row, text.divisions.get(row.eleve_id or "", ()), today)
        whole.findings += judged.findings
        if isinstance(judged.line, LineInError):
            whole.in_error.append(judged.line)
        else:
            whole.pupils.append(judged.line)
            whole.active += judged.line.present
            whole.left += not judged.line.present
        first = seen.setdefault(row.eleve_id or "", judged.subject)
        if row.eleve_id and first is not judged.subject:
            whole.findings.append(
                finding("eleve_id_twice", first, value=row.eleve_id, other=judged.subject)
            )
    return whole


def _already_held(line: PupilLine, holders: Mapping[str, PupilLine]) -> Iterator[Finding]:
    """An INE of an active pupil that another active pupil has: named once, whatever the shapes."""
    for ine in aliases(line):
        if ine in holders:
            yield finding("ine_twice", subject_of(holders[ine]), value=ine, other=subject_of(line))
            return


def _held_and_in_error(
    in_error: Sequence[LineInError], holders: Mapping[str, PupilLine]
) -> Iterator[Finding]:
    for line in in_error:
        for ine in aliases(line):
            if ine in holders:
                other = subject_of(line)
                yield finding("ine_also_in_error", subject_of(holders[ine]), value=ine, other=other)


def _gives_way(line: PupilLine, holders: Mapping[str, PupilLine], findings: list[Finding]) -> bool:
    """Whether a line that left has the INE of an active one, which wins.

    Such a line is set aside: the import would take it for the departure of the same learner.
    """
    if line.present:
        return False
    for ine in aliases(line):
        if ine in holders:
            who = subject_of(holders[ine])
            findings.append(finding("ine_left_and_active", who, value=ine, other=subject_of(line)))
            return True
    return False


def subject_of(line: PupilLine | LineInError) -> Subject:
    """Whom a line is about, as findings name him."""
    names = (line.family_name or line.usage_name, line.first_name)
    name = " ".join(name for name in names if name)
    return Subject(line.eleve_id, name or None, next(iter(aliases(line)), None), line.line)
