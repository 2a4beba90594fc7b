"""What the lines of each table mean, and what they change beside what is known."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from services.inspector_access.domain.tables import Finding

Key: TypeAlias = tuple[str, ...]
"""What a line is known by."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, last day included (None: no end). Where a file gives no beginning, it
    stays what it is, or is today.
    """

    from_on: dt.date | None
    until_on: dt.date | None


@dataclass(frozen=True, slots=True)
class DiplomaLine:
    """A diploma with all of its MEF, in their order."""

    code: str
    label: str
    mefs: tuple[str, ...]

    @property
    def key(self) -> Key:
        """Its code."""
        return (self.code,)


@dataclass(frozen=True, slots=True)
class InspectorLine:
    """An inspector of the académie that the file is for."""

    email: str
    name: str

    @property
    def key(self) -> Key:
        """His address."""
        return (self.email,)


@dataclass(frozen=True, slots=True)
class ReferentLine:
    """An inspector in charge of a diploma in one school, or all of his académie (`uai` empty)."""

    email: str
    diploma: str
    uai: str
    period: Period

    @property
    def key(self) -> Key:
        """Who is in charge of what, where."""
        return (self.email, self.diploma, self.uai)


@dataclass(frozen=True, slots=True)
class SubscriptionLine:
    """A diploma to which a school is subscribed (guide, « Accès inspecteurs », 1)."""

    uai: str
    diploma: str
    period: Period

    @property
    def key(self) -> Key:
        """The school and the diploma."""
        return (self.uai, self.diploma)


Line: TypeAlias = DiplomaLine | InspectorLine | ReferentLine | SubscriptionLine


@dataclass(frozen=True, slots=True)
class Facts:
    """What lines are held against: what is known of the académie, and of all diplomas."""

    diplomas: frozenset[str]
    schools: frozenset[str]
    inspectors: frozenset[str]
    mefs: Mapping[str, str | None]


@dataclass(slots=True)
class Judged:
    """What a file would change: the lines to be kept, and what is wrong with the others."""

    new: list[Line] = field(default_factory=list)
    changed: list[Line] = field(default_factory=list)
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many lines are wrong."""
        return len({finding.line for finding in self.findings})


def judge(
    lines: Sequence[tuple[int, Line]],
    findings: Sequence[Finding],
    present: Mapping[Key, Line],
    mefs: Mapping[str, str | None],
    today: dt.date,
) -> Judged:
    """What each numbered line changes beside what is `present`; all that is wrong, at once, after
    the `findings` of its cells. `mefs` says which diploma each known MEF has.
    """
    judged = Judged(findings=list(findings))
    seen: dict[object, int] = {}
    for number, line in lines:
        kept = _kept(line, present.get(line.key), today)
        wrong = [
            *_twice(number, kept, seen),
            *_backwards(number, kept),
            *_taken(number, kept, mefs),
        ]
        if wrong:
            judged.findings += wrong
        else:
            _place(judged, kept, present.get(line.key))
            seen |= dict.fromkeys(_claims(kept), number)
    judged.findings.sort(key=lambda finding: finding.line)
    return judged


def _place(judged: Judged, line: Line, before: Line | None) -> None:
    if before is None:
        judged.new.append(line)
    elif line != before:
        judged.changed.append(line)
    else:
        judged.unchanged += 1


def _kept(line: Line, before: Line | None, today: dt.date) -> Line:
    """The line with its beginning, where it has a period and none is given."""
    if not isinstance(line, ReferentLine | SubscriptionLine) or line.period.from_on is not None:
        return line
    known = period_of(before) if before else None
    begun = known.from_on if known else today
    return replace(line, period=replace(line.period, from_on=begun))


def period_of(line: Line) -> Period | None:
    """The period of a line that has one."""
    return line.period if isinstance(line, ReferentLine | SubscriptionLine) else None


def _claims(line: Line) -> tuple[object, ...]:
    """What no other line of a file may speak of."""
    return (line.key, *(line.mefs if isinstance(line, DiplomaLine) else ()))


def _twice(number: int, line: Line, seen: Mapping[object, int]) -> list[Finding]:
    """Whether an earlier line speaks of the same, or of one of these MEF."""
    if line.key in seen:
        return [Finding(number, "", f"répète la ligne {seen[line.key]}")]
    return [
        Finding(number, "mef", f"MEF {claim} déjà à la ligne {seen[claim]}")
        for claim in _claims(line)
        if claim in seen
    ]


def _backwards(number: int, line: Line) -> list[Finding]:
    """Whether a period would end before it begins."""
    match period_of(line):
        case Period(dt.date() as begins, dt.date() as ends) if ends < begins:
            return [Finding(number, "fin", "la fin est avant le début")]
    return []


def _taken(number: int, line: Line, mefs: Mapping[str, str | None]) -> list[Finding]:
    """The MEF of a diploma that another one has."""
    if not isinstance(line, DiplomaLine):
        return []
    return [
        Finding(number, "mef", f"MEF {mef} déjà rattaché au diplôme {mefs[mef]}")
        for mef in line.mefs
        if mefs.get(mef) not in (None, line.code)
    ]
