"""When records move by themselves: the rule of `docs/transfer.md`, without I/O.

`decide` takes one departure with all that could receive it, and says what is to be done. It knows
nothing of order: it is asked again whenever one of the facts changes, and the last condition that
comes true opens the transfer.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Request:
    """The transfer of a departure that `dossier` has been asked for and has not answered yet."""

    transfer_id: UUID
    stay: int
    destination: UUID
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Departure:
    """A learner of the school of origin, who has left or for whom a request is under way."""

    pupil_id: UUID
    uai: Uai
    stay: int
    active: bool
    since: dt.datetime
    activated: dt.datetime
    participates: bool
    request: Request | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """An active learner of another school who has an INE in common with the departure.

    `horodatage` is that of the school's import in force; `busy` tells that another request under
    way shares a learner with this pair.
    """

    pupil_id: UUID
    uai: Uai
    horodatage: dt.datetime | None
    participates: bool
    same_birth: bool
    names_differ: bool
    busy: bool


class Condition(StrEnum):
    """What a departure waits for, or why people must look; in the order they are examined."""

    ACTIVE_AT_ORIGIN = "active-at-origin"
    NO_ARRIVAL = "no-arrival"
    SEVERAL_ARRIVALS = "several-arrivals"
    BIRTH_DIFFERS = "birth-differs"
    ORIGIN_SWITCH = "origin-switch"
    DESTINATION_SWITCH = "destination-switch"
    OTHER_REQUEST = "other-request"


@dataclass(frozen=True, slots=True)
class Decision:
    """Either the arrival that the records are to go to, or the first condition that is missing."""

    departure: Departure
    arrival: Arrival | None
    missing: Condition | None = None


def decide(departure: Departure, arrivals: Sequence[Arrival]) -> Decision:
    """What is to be done about `departure`; `arrivals` are all active learners with an INE in
    common, both sides from SIECLE.

    Doubt never moves anything: two learners who could be meant, or another birth date, wait for
    people. A school whose list is older than the stay at the origin claims nobody.
    """
    if departure.active:
        return Decision(departure, None, Condition.ACTIVE_AT_ORIGIN)
    claims = [a for a in arrivals if a.horodatage and a.horodatage > departure.activated]
    if len(claims) != 1:
        missing = Condition.SEVERAL_ARRIVALS if claims else Condition.NO_ARRIVAL
        return Decision(departure, None, missing)
    arrival = claims[0]
    conditions = (
        (arrival.same_birth, Condition.BIRTH_DIFFERS),
        (departure.participates, Condition.ORIGIN_SWITCH),
        (arrival.participates, Condition.DESTINATION_SWITCH),
        (not arrival.busy, Condition.OTHER_REQUEST),
    )
    for holds, condition in conditions:
        if not holds:
            return Decision(departure, None, condition)
    return Decision(departure, arrival)


def opened(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that open a transfer now: one for each arrival, the earliest departure first.

    The others wait for its answer: two earlier schools may owe records to one learner.
    """
    by_arrival: dict[UUID, Decision] = {}
    for decision in sorted(decisions, key=lambda d: (d.departure.since, d.departure.pupil_id)):
        if decision.arrival is not None and decision.departure.request is None:
            by_arrival.setdefault(decision.arrival.pupil_id, decision)
    return list(by_arrival.values())


def withdrawn(decisions: Iterable[Decision]) -> list[UUID]:
    """The requests under way for which the conditions no longer hold, not yet taken back."""
    return [
        request.transfer_id
        for decision in decisions
        if (request := decision.departure.request) is not None
        and not request.withdrawn
        and not _still_meant(decision, request)
    ]


def _still_meant(decision: Decision, request: Request) -> bool:
    return (
        decision.arrival is not None
        and decision.arrival.pupil_id == request.destination
        and decision.departure.stay == request.stay
    )
