"""What a file changes in the pupil base of a school (docs/imports.md).

`difference` compares the base with a file and gives the new state of the learners that change, and
of these only.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Literal
from uuid import UUID

from services.siecle_import.domain.pupils import (
    Change,
    Changed,
    Pupil,
    Reason,
    created,
    deactivated,
    reactivated,
    updated,
)
from services.siecle_import.files.rows import LineInError, PupilLine, aliases, name_keys
from shared.identifiers import Uai


class Ignored(StrEnum):
    """Why a line without error changes nothing in the base."""

    REASSIGNED = "reassigned"
    NEVER_HERE = "never-here"
    OUTSIDE_SIECLE = "outside-siecle"
    FROM_SIECLE = "from-siecle"
    DOUBLE = "double"


@dataclass(frozen=True, slots=True)
class File:
    """What a file says, as far as the base is concerned, and whose it is."""

    uai: Uai
    source: Literal["siecle", "csv"]
    horodatage: dt.datetime
    lines: Sequence[PupilLine]
    in_error: Sequence[LineInError] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Every learner that changes, the lines that change nothing with their reason, and those whom
    staff have left out of the deactivations.
    """

    changes: Sequence[Changed]
    ignored: Sequence[tuple[PupilLine, Ignored]] = ()
    spared: Sequence[Pupil] = ()

    def of(self, kind: Change) -> list[Pupil]:
        """The learners to whom `kind` happens, after it."""
        return [changed.after for changed in self.changes if changed.kind is kind]


Person = Pupil | PupilLine | LineInError
"""Whom the base, a line, or a line in error is about."""


def _numbers(person: Person) -> Iterator[str]:
    if person.eleve_id:
        yield person.eleve_id


_WAYS: Sequence[Callable[[Person], Iterable[object]]] = (_numbers, aliases, name_keys)
"""The ways to recognise a learner inside a school, the surest first."""


@dataclass(slots=True)
class _Same:
    """The learner of the base that each line is about, by position; and the lines, with whom they
    mean, that are not to be followed: a number the base knows as someone else's, a second line of
    one learner.
    """

    learners: dict[int, Pupil] = field(default_factory=dict)
    reassigned: dict[int, Pupil] = field(default_factory=dict)
    doubles: dict[int, Pupil] = field(default_factory=dict)
    taken: set[UUID] = field(default_factory=set)

    def recognise(self, position: int, learner: Pupil) -> None:
        """Take `learner` for the one whom the line at `position` is about."""
        self.learners[position] = learner
        self.taken.add(learner.id)


def _same_learners(base: Sequence[Pupil], lines: Sequence[PupilLine]) -> _Same:
    """Recognise learners over the whole file, the surest way first, so that none is taken for two.

    A number that was given to someone else recognises nobody, and the line changes nothing; whom
    its INE or names mean is met all the same.
    """
    same = _Same()
    for way in _WAYS:
        index = {
            key: pupil
            for pupil in base
            if pupil.merged_into is None and pupil.id not in same.taken
            for key in way(pupil)
        }
        for position, line in enumerate(lines if index else ()):
            if position in same.learners:
                continue
            pupil = next((index[key] for key in way(line) if key in index), None)
            if pupil is None or pupil.id in same.taken:
                continue
            if way is _numbers and _is_reassigned(line, pupil):
                same.reassigned[position] = pupil
            else:
                same.recognise(position, pupil)
    _recognise_merged(base, lines, same)
    return same


def _recognise_merged(base: Sequence[Pupil], lines: Sequence[PupilLine], same: _Same) -> None:
    """A line about a learner who was merged is about whom he goes on as. If both have a line, one
    counts: that which says present.
    """
    people = {pupil.id: pupil for pupil in base}
    index = {
        key: pupil
        for way in reversed(_WAYS)  # the surest key is written last
        for pupil in base
        if pupil.merged_into is not None
        for key in way(pupil)
    }
    taken_by = {pupil.id: position for position, pupil in same.learners.items()}
    for position, line in enumerate(lines if index else ()):
        keys = (key for way in _WAYS for key in way(line))
        merged = next((index[key] for key in keys if key in index), None)
        if merged is None or position in same.learners or position in same.reassigned:
            continue
        survivor = goes_on_as(merged, people)
        if _is_reassigned(line, merged) and _is_reassigned(line, survivor):
            same.reassigned[position] = survivor
            continue
        other = taken_by.setdefault(survivor.id, position)
        if line.present and not lines[other].present:
            same.doubles[other] = same.learners.pop(other)
            other = taken_by[survivor.id] = position
        if other == position:
            same.recognise(position, survivor)
        else:
            same.doubles[position] = survivor


def goes_on_as(pupil: Pupil, people: Mapping[UUID, Pupil]) -> Pupil:
    """The learner himself, or whom he was merged into, at the end of the chain."""
    while pupil.merged_into is not None:
        pupil = people[pupil.merged_into]
    return pupil


def _is_reassigned(line: PupilLine, pupil: Pupil) -> bool:
    """Whether an ELEVE_ID was given to someone else: another birth date, no common INE."""
    return line.birth_date != pupil.birth_date and not set(aliases(line)) & set(aliases(pupil))


def _whoever_is_meant(base: Sequence[Pupil], in_error: Sequence[LineInError]) -> set[UUID]:
    """Every learner whom a line in error may be about."""
    people = {pupil.id: pupil for pupil in base}
    return {
        goes_on_as(pupil, people).id
        for way in _WAYS
        for keys in [{key for line in in_error for key in way(line)}]
        for pupil in (base if keys else ())
        if not keys.isdisjoint(way(pupil))
    }


def difference(
    base: Sequence[Pupil], file: File, *, now: dt.datetime, spare: Collection[UUID] = ()
) -> Difference:
    """What a file changes. A learner whose line is in error is neither changed nor deactivated;
    a number that was used again is such an error, for both whom it may mean. Learners in `spare`
    are not deactivated: staff know better.
    """
    # Present lines first: a learner who left and came back under a new number is the active one.
    in_order = sorted(file.lines, key=lambda line: not line.present)
    same = _same_learners(base, in_order)
    untouched = {p.id for p in same.reassigned.values()} | _whoever_is_meant(base, file.in_error)
    changes: list[Changed] = []
    ignored: list[tuple[PupilLine, Ignored]] = []
    for position, line in enumerate(in_order):
        outcome = _outcome(position, line, same, file, now)
        if isinstance(outcome, Ignored):
            ignored.append((line, outcome))
        elif outcome and outcome.after.id not in untouched:
            changes.append(outcome)
    if file.source == "siecle":
        met = untouched | same.taken
        changes.extend(
            deactivated(pupil, pupil, Reason.ABSENT, now)
            for pupil in base
            if pupil.active and pupil.source == "siecle" and pupil.id not in met
        )
    return _without_spared(changes, ignored, set(spare))


def _without_spared(
    changes: Sequence[Changed], ignored: Sequence[tuple[PupilLine, Ignored]], spare: set[UUID]
) -> Difference:
    def is_spared(changed: Changed) -> bool:
        return changed.kind is Change.DEACTIVATED and changed.after.id in spare

    return Difference(
        [changed for changed in changes if not is_spared(changed)],
        ignored,
        [changed.before for changed in changes if is_spared(changed) and changed.before],
    )


def _outcome(
    position: int, line: PupilLine, same: _Same, file: File, now: dt.datetime
) -> Changed | Ignored | None:
    """What one line does: a change, nothing for a stated reason, or nothing at all."""
    if position in same.reassigned:
        return Ignored.REASSIGNED
    if position in same.doubles:
        return Ignored.DOUBLE
    pupil = same.learners.get(position)
    if pupil is not None:
        return _followed(pupil, line, file, now)
    if not line.present:
        return Ignored.NEVER_HERE
    told = dict(zip(_TOLD, _told(line), strict=True))
    return created(file.uai, told, source=file.source, activated=file.horodatage, now=now)


_INES = {"rnie", "bea", "ina"}
_OF_SIECLE = {"eleve_id", "previous_uai"}
_TOLD = tuple(name for name in PupilLine._fields if name in Pupil._fields)
_told = attrgetter(*_TOLD)


def _followed(
    pupil: Pupil, line: PupilLine, file: File, now: dt.datetime
) -> Changed | Ignored | None:
    """What a line does to its learner, if anything.

    A line of SIECLE that says « left » leaves alone a learner entered by hand or from a CSV: he is
    often one who left SIECLE and goes on as an apprentice. A CSV leaves alone whom SIECLE tells of.
    """
    if file.source == "siecle" and not line.present and pupil.source != "siecle":
        return Ignored.OUTSIDE_SIECLE
    if file.source == "csv" and pupil.source == "siecle" and (pupil.active or not line.present):
        return Ignored.FROM_SIECLE
    after = _with_line(pupil, line, file.source)
    if line.present and not pupil.active:
        after = after._replace(source=file.source)
        return reactivated(pupil, after, activated=file.horodatage, now=now)
    if not line.present and pupil.active:
        return deactivated(pupil, after, _reason(line), now)
    if file.source == "siecle" and pupil.source != "siecle":
        after = after._replace(source="siecle", activated=file.horodatage)
    return updated(pupil, after) if after != pupil else None


def _with_line(pupil: Pupil, line: PupilLine, source: str) -> Pupil:
    """The learner with what the line says. An INE shape that the line lacks keeps its value; a CSV
    says nothing of what only SIECLE knows.
    """
    told, known = _told(line), _told(pupil)
    if told == known:  # so it is with nearly all lines
        return pupil
    unsaid = () if source == "siecle" else _OF_SIECLE
    changes = {
        name: value
        for name, value, former in zip(_TOLD, told, known, strict=True)
        if value != former and name not in unsaid and (value is not None or name not in _INES)
    }
    return pupil._replace(**changes) if changes else pupil


def _reason(line: PupilLine) -> Reason:
    return Reason.LEFT if line.absence == "exit" else Reason.INACTIVE_DIVISION
