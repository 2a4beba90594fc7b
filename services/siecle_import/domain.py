"""What an import changes in the pupil base of a school: pure rules, no I/O.

`difference` compares the base with a file and gives the new state of the learners that change, and
of these only. `confirmations` says what a person must look at first. The rules are those of
`docs/siecle.md`.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID, uuid4

from services.siecle_import.files.rows import LineInError, PupilLine, aliases
from services.siecle_import.folding import fold
from services.siecle_import.identifiers import SchoolYear, is_last_year
from shared.identifiers import Uai

MASS_SHARE = 0.2
MASS_NUMBER = 5


class UnknownImportError(Exception):
    """The school has no such import."""


class ImportUnderWayError(Exception):
    """Another import of the school is being read or applied."""


class NotReadyError(Exception):
    """The import does not wait for a confirmation (any more)."""


class NotConfirmedError(Exception):
    """Something that a person must confirm by name was not confirmed."""


class Reason(StrEnum):
    """Why a learner is no longer active."""

    LEFT = "sorti"
    INACTIVE_DIVISION = "inactifs"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Pupil:
    """A learner of a school as the base holds him.

    `activated` is the HORODATAGE of the import that began or adopted this stay; `since` the moment
    of the last change of `active`. `version` grows at each change, `stay` at each (re)activation.
    """

    id: UUID
    uai: Uai
    eleve_id: str | None
    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    sex: str | None
    rnie: str | None
    bea: str | None
    ina: str | None
    status: str | None
    mef: str | None
    division: str | None
    previous_uai: str | None
    entry_date: dt.date | None
    exit_date: dt.date | None
    exit_reason: str | None
    source: Literal["siecle", "csv", "hand"]
    active: bool
    since: dt.datetime
    activated: dt.datetime
    reason: str | None
    stay: int
    version: int


class Change(StrEnum):
    """What happened to a learner; each has its event."""

    CREATED = "created"
    UPDATED = "updated"
    REACTIVATED = "reactivated"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Difference:
    """The new state of every learner that changes, and the lines whose number was used again."""

    changes: Sequence[tuple[Change, Pupil]]
    reassigned: Sequence[PupilLine]

    def of(self, kind: Change) -> list[Pupil]:
        """The learners to whom `kind` happens."""
        return [pupil for change, pupil in self.changes if change is kind]


Person = Pupil | PupilLine | LineInError
"""Whom the base, a line, or a line in error is about."""


def _numbers(person: Person) -> Iterator[str]:
    if person.eleve_id:
        yield person.eleve_id


def _names(person: Person) -> Iterator[tuple[str, str, dt.date]]:
    if person.first_name and person.birth_date:
        for name in (person.family_name, person.usage_name):
            if name:
                yield fold(name), fold(person.first_name), person.birth_date


_WAYS: Sequence[Callable[[Person], Iterable[object]]] = (_numbers, aliases, _names)
"""The ways to recognise a learner inside a school, the surest first."""


@dataclass(frozen=True, slots=True)
class _Same:
    """The learner of the base that each line is about, by position, and the lines whose number
    the base knows as someone else's, with that other one.
    """

    learners: Mapping[int, Pupil]
    reassigned: Mapping[int, Pupil]


def _same_learners(base: Sequence[Pupil], lines: Sequence[PupilLine]) -> _Same:
    """Recognise learners over the whole file, the surest way first, so that none is taken for two.

    A number that was given to someone else recognises nobody: that line goes by INE and names.
    """
    found: dict[int, Pupil] = {}
    reassigned: dict[int, Pupil] = {}
    taken: set[UUID] = set()
    for way in _WAYS:
        index = {key: p for p in base if p.id not in taken for key in way(p)}
        for position, line in enumerate(lines):
            same = next((index[key] for key in way(line) if key in index), None)
            if same is None or position in found or same.id in taken:
                continue
            if way is _numbers and _is_reassigned(line, same):
                reassigned[position] = same
                continue
            found[position] = same
            taken.add(same.id)
    return _Same(found, reassigned)


def _is_reassigned(line: PupilLine, pupil: Pupil) -> bool:
    """Whether an ELEVE_ID was given to someone else: another birth date, no common INE."""
    return line.birth_date != pupil.birth_date and not set(aliases(line)) & set(aliases(pupil))


def _whoever_is_meant(base: Sequence[Pupil], in_error: Sequence[LineInError]) -> set[UUID]:
    """Every learner whom a line in error may be about."""
    return {
        pupil.id
        for way in _WAYS
        for keys in [{key for line in in_error for key in way(line)}]
        for pupil in base
        if not keys.isdisjoint(way(pupil))
    }


def difference(
    base: Sequence[Pupil],
    lines: Sequence[PupilLine],
    in_error: Sequence[LineInError],
    *,
    uai: Uai,
    horodatage: dt.datetime,
    now: dt.datetime,
) -> Difference:
    """What a file changes. A learner whose line is in error is neither changed nor deactivated;
    a number that was used again is such an error, for both whom it may mean.
    """
    # Present lines first: a learner who left and came back under a new number is the active one.
    in_order = sorted(lines, key=lambda line: not line.present)
    same = _same_learners(base, in_order)
    untouched = {p.id for p in same.reassigned.values()} | _whoever_is_meant(base, in_error)
    met = untouched | {p.id for p in same.learners.values()}
    changes: list[tuple[Change, Pupil]] = []
    for position, line in enumerate(in_order):
        if position in same.reassigned:
            continue
        pupil = same.learners.get(position)
        if pupil is None:
            if line.present:
                changes.append((Change.CREATED, _created(line, uai, horodatage, now)))
        elif pupil.id not in untouched and (change := _changed(pupil, line, horodatage, now)):
            changes.append(change)
    changes.extend(
        (Change.DEACTIVATED, _deactivated(pupil, Reason.ABSENT, now))
        for pupil in base
        if pupil.active and pupil.source == "siecle" and pupil.id not in met
    )
    return Difference(changes, [in_order[position] for position in same.reassigned])


_TOLD = tuple({f.name for f in fields(Pupil)} & {f.name for f in fields(PupilLine)})


def _told(line: PupilLine) -> dict[str, Any]:
    """What a line says of a pupil, by field."""
    return {name: getattr(line, name) for name in _TOLD}


def _created(line: PupilLine, uai: Uai, horodatage: dt.datetime, now: dt.datetime) -> Pupil:
    return Pupil(
        id=uuid4(),
        uai=uai,
        source="siecle",
        active=True,
        since=now,
        activated=horodatage,
        reason=None,
        stay=1,
        version=1,
        **_told(line),
    )


def _changed(
    pupil: Pupil, line: PupilLine, horodatage: dt.datetime, now: dt.datetime
) -> tuple[Change, Pupil] | None:
    """What a line changes in its learner, if anything.

    A line that says « left » leaves alone a learner entered by hand or from a CSV: such a learner
    is often one who left SIECLE and goes on as an apprentice.
    """
    if not line.present and pupil.source != "siecle":
        return None
    after = _with_line(pupil, line)
    if line.present and not pupil.active:
        back = replace(
            after, active=True, since=now, activated=horodatage, reason=None, stay=pupil.stay + 1
        )
        return Change.REACTIVATED, _next_version(back)
    if not line.present and pupil.active:
        return Change.DEACTIVATED, _deactivated(after, _reason(line), now)
    if pupil.source != "siecle":
        after = replace(after, source="siecle", activated=horodatage)
    return (Change.UPDATED, _next_version(after)) if after != pupil else None


def _with_line(pupil: Pupil, line: PupilLine) -> Pupil:
    """The learner with what the line says. An INE shape that the line lacks keeps its value."""
    kept = {"rnie": pupil.rnie, "bea": pupil.bea, "ina": pupil.ina}
    told = _told(line)
    return replace(pupil, **told | {name: told[name] or value for name, value in kept.items()})


def _reason(line: PupilLine) -> Reason:
    return Reason.LEFT if line.absence == "exit" else Reason.INACTIVE_DIVISION


def _deactivated(pupil: Pupil, reason: Reason, now: dt.datetime) -> Pupil:
    return _next_version(replace(pupil, active=False, since=now, reason=reason.value))


def _next_version(pupil: Pupil) -> Pupil:
    return replace(pupil, version=pupil.version + 1)


class Confirmation(StrEnum):
    """What a person must confirm by name before an import is applied."""

    OTHER_YEAR = "other-year"
    OLDER_FILE = "older-file"
    MASS_DEACTIVATION = "mass-deactivation"


@dataclass(frozen=True, slots=True)
class InForce:
    """The import that the base follows at present."""

    horodatage: dt.datetime
    school_year: int


def confirmations(
    base: Collection[Pupil],
    change: Difference,
    *,
    school_year: SchoolYear,
    horodatage: dt.datetime,
    in_force: InForce | None,
    today: dt.date,
) -> dict[Confirmation, int | None]:
    """What must be confirmed, with the number to type where there is one."""
    needed: dict[Confirmation, int | None] = {}
    if not school_year.contains(today):
        needed[Confirmation.OTHER_YEAR] = None
    if in_force is not None and horodatage < in_force.horodatage:
        needed[Confirmation.OLDER_FILE] = None
    leavers = change.of(Change.DEACTIVATED)
    if in_force is not None and in_force.school_year != school_year:
        # At the change of year those who have finished their course leave, all at once.
        leavers = [p for p in leavers if not is_last_year(p.mef or "")]
    active = sum(pupil.active for pupil in base)
    if len(leavers) > MASS_NUMBER and len(leavers) > MASS_SHARE * active:
        needed[Confirmation.MASS_DEACTIVATION] = len(leavers)
    return needed


def check_confirmed(
    needed: Iterable[tuple[str, int | None]], given: Collection[str], number: int | None
) -> None:
    """Check what a person has confirmed against what must be.

    Raises:
        NotConfirmedError: something is missing, or the number typed is another.
    """
    for code, expected in needed:
        if code not in given or (expected is not None and expected != number):
            raise NotConfirmedError
