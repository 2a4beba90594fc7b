"""Two learners of one school who are one person (docs/transfer.md, 15)."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.siecle_import.domain.pupils import Change, Changed, Pupil, Reason, updated

REVERSIBLE = dt.timedelta(days=30)
_SHAPES = ("rnie", "bea", "ina")
_IDENTITY = (*_SHAPES, "eleve_id", "family_name", "usage_name", "first_name", "birth_date")


class MergeReason(StrEnum):
    """Why two learners were one, as staff choose it."""

    DOUBLE_IN_SIECLE = "double-siecle"
    DOUBLE_BY_HAND = "double-saisie"
    CHANGED_NAME = "changement-de-nom"


class NotMergeableError(Exception):
    """The same one twice, one who is merged already, or only the one who would go is active."""


class NotReversibleError(Exception):
    """The merge was undone already, is too old, or one of the two was merged again."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Both learners after a merge or its undoing."""

    survivor: Changed
    merged: Changed


def merge(survivor: Pupil, other: Pupil, now: dt.datetime) -> Merged:
    """`other` goes on as `survivor`, who takes over the INE of the shapes that he lacks.

    An active learner survives one who has left: else his presence would be lost. That names or INE
    differ is for staff to judge, who see it first.

    Raises:
        NotMergeableError
    """
    _check_mergeable(survivor, other)
    inherited = {s: getattr(survivor, s) or getattr(other, s) for s in _SHAPES}
    after = updated(survivor, survivor._replace(**inherited))
    gone = other._replace(
        merged_into=survivor.id,
        active=False,
        since=now if other.active else other.since,
        reason=Reason.MERGED.value,
        version=other.version + 1,
    )
    return Merged(after, Changed(Change.UPDATED, gone, other))


def lost_card(survivor: Pupil, lost: UUID, version: int) -> Pupil:
    """The card that a restore has lost of someone who was entered anew: it goes on as his."""
    return survivor._replace(
        id=lost,
        merged_into=survivor.id,
        active=False,
        reason=Reason.MERGED.value,
        version=version,
    )


def _check_mergeable(survivor: Pupil, other: Pupil) -> None:
    if survivor.id == other.id or survivor.merged_into or other.merged_into:
        raise NotMergeableError
    if other.active and not survivor.active:
        raise NotMergeableError


def undo_merge(
    before: tuple[Pupil, Pupil],
    present: tuple[Pupil, Pupil],
    merged_at: dt.datetime,
    *,
    imported_since: bool,
    now: dt.datetime,
) -> Merged:
    """Each is himself again; both pairs are (survivor, merged), `before` the merge and at present.

    What identifies the survivor and is now the other's goes back to what it was. If the school has
    imported since, nobody knows whether the other is there: he stays inactive, which is no
    departure, until the next import tells.

    Raises:
        NotReversibleError
    """
    survivor, merged = present
    if merged.merged_into != survivor.id or survivor.merged_into or now - merged_at > REVERSIBLE:
        raise NotReversibleError
    given_back: dict[str, Any] = {
        name: getattr(before[0], name)
        for name in _IDENTITY
        if getattr(survivor, name) == getattr(before[1], name)
    }
    other = before[1]._replace(stay_floor=merged.stay_floor)
    if imported_since and other.active:
        other = other._replace(active=False, since=now, reason=Reason.MERGED.value)
    return Merged(updated(survivor, survivor._replace(**given_back)), updated(merged, other))
