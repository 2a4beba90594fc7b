"""A learner of the pupil base, and what can happen to him."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

from shared.events import UNDONE, UNMERGED
from shared.identifiers import Uai

Source = Literal["siecle", "csv", "hand"]


class Reason(StrEnum):
    """Why a learner is no longer active."""

    LEFT = "sorti"
    INACTIVE_DIVISION = "inactifs"
    ABSENT = "absent"
    BY_HAND = "saisie"
    SCHOOL_CLOSED = "ferme"
    MERGED = UNMERGED
    UNDONE = UNDONE


class Pupil(NamedTuple):
    """A learner of a school as the base holds him.

    `activated` is the HORODATAGE of the import that began or adopted this stay; `since` the moment
    of the last change of `active`. `version` grows at each change, `stay` at each (re)activation,
    to more than `stay_floor`. `merged_into` is who he goes on as, if he was entered twice.
    (A named tuple, since each import makes one of each row: a frozen dataclass takes six times as
    long.)
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
    source: Source
    active: bool
    since: dt.datetime
    activated: dt.datetime
    reason: str | None
    stay: int
    version: int
    merged_into: UUID | None = None
    stay_floor: int = 0

    @property
    def name(self) -> str:
        """As staff read it: « BÉCŒUR Noé »."""
        return f"{self.family_name} {self.first_name}"


class Change(StrEnum):
    """What happened to a learner; each has its event."""

    CREATED = "created"
    UPDATED = "updated"
    REACTIVATED = "reactivated"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Changed:
    """A learner to whom something happens: his state after it, and before if he was there."""

    kind: Change
    after: Pupil
    before: Pupil | None = None


def created(
    uai: Uai, told: Mapping[str, Any], *, source: Source, activated: dt.datetime, now: dt.datetime
) -> Changed:
    """A new learner of the school; `told` are the fields that describe him."""
    pupil = Pupil(
        id=uuid4(),
        uai=uai,
        source=source,
        active=True,
        since=now,
        activated=activated,
        reason=None,
        stay=1,
        version=1,
        **told,
    )
    return Changed(Change.CREATED, pupil)


def updated(before: Pupil, after: Pupil) -> Changed:
    """A learner whose description changes, at his next version."""
    return Changed(Change.UPDATED, _next_version(before, after), before)


def deactivated(before: Pupil, after: Pupil, reason: Reason, now: dt.datetime) -> Changed:
    """A learner who leaves; `after` is what is said of him at that moment."""
    gone = after._replace(active=False, since=now, reason=reason.value)
    return Changed(Change.DEACTIVATED, _next_version(before, gone), before)


def reactivated(
    before: Pupil, after: Pupil, *, activated: dt.datetime, now: dt.datetime
) -> Changed:
    """A learner who is back: a new stay begins, known from `activated`."""
    back = after._replace(
        active=True,
        since=now,
        activated=activated,
        reason=None,
        stay=max(before.stay, before.stay_floor) + 1,
    )
    return Changed(Change.REACTIVATED, _next_version(before, back), before)


def _next_version(before: Pupil, after: Pupil) -> Pupil:
    return after._replace(version=before.version + 1)
