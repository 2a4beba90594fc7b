"""The life of an import: its states, what a person must confirm, and who may undo it."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

from services.siecle_import.domain.difference import Difference
from services.siecle_import.domain.pupils import (
    Change,
    Changed,
    Pupil,
    Reason,
    Source,
    deactivated,
    reactivated,
    updated,
)
from services.siecle_import.files.findings import Finding, finding
from services.siecle_import.identifiers import is_last_year

MASS_SHARE = 0.2
MASS_NUMBER = 5


class State(StrEnum):
    """Where an import stands (docs/siecle.md)."""

    RECEIVED = "received"
    READY = "ready"
    CONFIRMED = "confirmed"
    APPLIED = "applied"
    SEEN = "seen"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNDONE = "undone"


AT_WORK = frozenset({State.RECEIVED, State.CONFIRMED})
"""The states in which the service works on the import; in the others a person does, or nobody."""


class UnknownImportError(Exception):
    """The school has no such import."""


class ImportUnderWayError(Exception):
    """Another import of the school is being read or applied."""


class NotReadyError(Exception):
    """The import does not wait for a confirmation (any more)."""


class NotConfirmedError(Exception):
    """Something that a person must confirm by name was not confirmed."""


class NotUndoableError(Exception):
    """The import is not the last thing that was done to the school's base by an import."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The import that the base of a school follows at present."""

    horodatage: dt.datetime
    school_year: int
    source: Source


ConfirmationCode = Literal["other_school_year", "older_file", "mass_deactivation"]
"""The findings that a person must confirm by their code."""


class Needed(NamedTuple):
    """Something that a person must confirm, by its code and, if there is one, by typing a number;
    `message` tells staff what it is about.
    """

    code: str
    number: int | None
    message: str


def confirmations(
    base: Collection[Pupil],
    change: Difference,
    said: Iterable[Finding],
    file: InForce,
    in_force: InForce | None,
) -> list[Needed]:
    """What must be confirmed before a file from SIECLE is applied: what reading it has found, an
    older file, many deactivations (those that staff leave out still count: the number is the one
    that was shown). `file` is the import that would be in force.
    """
    if file.source == "csv":
        return []
    needed = [Needed(one.code, None, one.message) for one in said if one.level == "confirmation"]
    leavers = [*change.of(Change.DEACTIVATED), *change.spared]
    if in_force is not None and in_force.source == "siecle":
        if file.horodatage < in_force.horodatage:
            moments = _spoken(file.horodatage), _spoken(in_force.horodatage)
            older = finding("older_file", value=moments[0], other=moments[1])
            needed.append(Needed(older.code, None, older.message))
        if in_force.school_year != file.school_year:
            # At the change of year those who have finished their course leave, all at once.
            leavers = [p for p in leavers if not is_last_year(p.mef or "")]
    active = sum(pupil.active for pupil in base)
    if len(leavers) > MASS_NUMBER and len(leavers) > MASS_SHARE * active:
        share = f"{active} seraient désactivés ({100 * len(leavers) // active} %)"
        mass = finding("mass_deactivation", value=str(len(leavers)), other=share)
        needed.append(Needed(mass.code, len(leavers), mass.message))
    return needed


def _spoken(moment: dt.datetime) -> str:
    return f"{moment:%d/%m/%Y %H:%M}"


def check_confirmed(needed: Iterable[Needed], given: Collection[str], number: int | None) -> None:
    """Check what a person has confirmed against what must be.

    Raises:
        NotConfirmedError: something is missing, or the number typed is another.
    """
    for one in needed:
        if one.code not in given or (one.number is not None and one.number != number):
            raise NotConfirmedError


class Kept(StrEnum):
    """Why the undoing of an import leaves a learner as he is."""

    TRANSFERRED = "transferred"
    CHANGED_SINCE = "changed-since"


@dataclass(frozen=True, slots=True)
class Made:
    """What an import did to a learner: how he was before, and his version after it."""

    pupil_id: UUID
    kind: Change
    before: Pupil | None
    version: int


@dataclass(frozen=True, slots=True)
class Undoing:
    """What the undoing of an import changes, and whom it leaves as they are."""

    changes: Sequence[Changed]
    kept: Sequence[tuple[Pupil, Kept]]


def undo(
    made: Sequence[Made],
    base: Mapping[UUID, Pupil],
    transferred: Collection[UUID],
    now: dt.datetime,
) -> Undoing:
    """Take back what an import made of learners, all of whom are in `base`. A learner whose records
    have followed since, or who was changed since, stays as he is (docs/transfer.md, 13).
    """
    changes: list[Changed] = []
    kept: list[tuple[Pupil, Kept]] = []
    for one in made:
        present = base[one.pupil_id]
        if present.id in transferred:
            kept.append((present, Kept.TRANSFERRED))
        elif present.version != one.version:
            kept.append((present, Kept.CHANGED_SINCE))
        else:
            changes.append(_taken_back(one, present, now))
    return Undoing(changes, kept)


def _taken_back(made: Made, present: Pupil, now: dt.datetime) -> Changed:
    if made.before is None:
        return deactivated(present, present, Reason.UNDONE, now)
    before = replace(made.before, stay=present.stay, stay_floor=present.stay_floor)
    match made.kind:
        case Change.DEACTIVATED:
            return reactivated(present, before, activated=before.activated, now=now)
        case Change.REACTIVATED:
            return deactivated(present, before, Reason(before.reason or Reason.ABSENT), now)
    return updated(present, before)
