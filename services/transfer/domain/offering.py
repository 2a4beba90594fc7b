"""Transfers by hand: who may be offered to whom (rule 8 of `docs/transfer.md`)."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from shared.identifiers import Uai


class Refusal(StrEnum):
    """Why a learner can't be offered to a school."""

    UNKNOWN_PUPIL = "unknown-pupil"
    NOT_DEPARTED = "not-departed"
    UNDER_WAY = "under-way"
    OPPOSITION = "opposition"
    HELD = "held"
    SAME_SCHOOL = "same-school"
    ORIGIN_SWITCH = "origin-switch"
    UNKNOWN_SCHOOL = "unknown-school"
    CLOSED_SCHOOL = "closed-school"
    DESTINATION_SWITCH = "destination-switch"
    AUTOMATIC = "automatic"
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal; `successor` is the school that goes on for a closed one, if there is one."""

    reason: Refusal
    successor: Uai | None = None


class Collected(StrEnum):
    """Who has given the authorisation that the school has collected (guide)."""

    LEARNER = "apprenant"
    GUARDIAN = "responsable"
    BOTH = "both"


class WhyReversed(StrEnum):
    """Why a transfer is reversed, or its return is asked for."""

    OTHER_PERSON = "other-person"
    WRONG_SCHOOL = "wrong-school"
    NEVER_CAME = "never-came"
    FAMILY_REQUEST = "family-request"


class WhyRefused(StrEnum):
    """Why the receiving school refuses an offer."""

    UNKNOWN_PERSON = "unknown-person"
    NOT_ENROLLED = "not-enrolled"
    ALREADY_HERE = "already-here"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A learner of the offering school; `under_way`: offered, requested or closed already."""

    departed: bool
    under_way: bool
    opposed: bool
    from_siecle_with_ine: bool
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Destination:
    """The school that is to receive; `horodatage` is that of its import from SIECLE in force."""

    uai: Uai
    open: bool
    successor: Uai | None
    participates: bool
    horodatage: dt.datetime | None
    import_year: int


def refusal(
    *,
    participates: bool,
    candidate: Candidate | None,
    destination: Destination | None,
    same_school: bool,
    school_year: int,
) -> Refusal | None:
    """The first reason against an offer, if any.

    A learner from SIECLE with an INE waits for the next import of a school that uses SIECLE (it has
    applied one this school year or the last): he will then be found without anyone.
    """
    if candidate is None:
        return Refusal.UNKNOWN_PUPIL
    if destination is None:
        return Refusal.UNKNOWN_SCHOOL
    reasons = (
        (not candidate.departed, Refusal.NOT_DEPARTED),
        (candidate.under_way, Refusal.UNDER_WAY),
        (candidate.opposed, Refusal.OPPOSITION),
        (same_school, Refusal.SAME_SCHOOL),
        (not participates, Refusal.ORIGIN_SWITCH),
        (not destination.open, Refusal.CLOSED_SCHOOL),
        (not destination.participates, Refusal.DESTINATION_SWITCH),
        (_will_be_found(candidate, destination, school_year), Refusal.AUTOMATIC),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _will_be_found(candidate: Candidate, destination: Destination, school_year: int) -> bool:
    uses_siecle = destination.horodatage is not None and destination.import_year >= school_year - 1
    if not (uses_siecle and candidate.from_siecle_with_ine):
        return False
    return destination.horodatage is not None and destination.horodatage <= candidate.since


REVERSIBLE = dt.timedelta(days=30)
"""How long a transfer can be reversed."""

SUMMER = (7, 8)
PATIENCE_DAYS = 45


def without_sequel_before(today: dt.date) -> dt.date:
    """The day up to which a departure that nobody has claimed is « sans suite » : 45 days ago, July
    and August apart (rule 9).
    """
    day, left = today, PATIENCE_DAYS
    while left:
        day -= dt.timedelta(days=1)
        left -= day.month not in SUMMER
    return day
