"""Undoing the last applied import of a school (docs/imports.md; docs/transfer.md, 13)."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.siecle_import.domain.pupils import (
    Change,
    Changed,
    Pupil,
    Reason,
    deactivated,
    reactivated,
    updated,
)


class NotUndoableError(Exception):
    """The import is not the last thing that was done to the school's base by an import."""


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
    before = made.before._replace(stay=present.stay, stay_floor=present.stay_floor)
    match made.kind:
        case Change.DEACTIVATED:
            return reactivated(present, before, activated=before.activated, now=now)
        case Change.REACTIVATED:
            return deactivated(present, before, Reason(before.reason or Reason.ABSENT), now)
    return updated(present, before)
