"""When records move by themselves.

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


class Same(StrEnum):
    """How a field of two learners compares; neither side ever sees the other's."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two learners with an INE in common, field by field; a review is judged over this."""

    birth: Same
    family: Same
    first: Same

    def __str__(self) -> str:
        """The form in which an opinion keeps it."""
        return f"{self.birth}/{self.family}/{self.first}"

    @property
    def names_differ(self) -> bool:
        """Whether a name contradicts; that flags a transfer and does not stop it."""
        return Same.DIFFERENT in (self.family, self.first)


class Verdict(StrEnum):
    """What people have said of two learners; `PROPOSED` waits for the school of origin."""

    SAME = "same"
    DIFFERENT = "different"
    PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class Request:
    """A transfer of the departure that `dossier` has been asked for and has not answered yet.

    `destination_gone`: the learner is known there and no longer active. (Of one created for an
    offer nobody may have told yet.)
    """

    transfer_id: UUID
    stay: int
    destination: UUID
    withdrawn: bool
    by_hand: bool = False
    destination_participates: bool = True
    destination_opposed: bool = False
    destination_gone: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A transfer by hand that waits for the receiving school."""

    transfer_id: UUID
    matched: UUID | None


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
    request: Request | None = None
    offer: Offer | None = None
    opposed: bool = False
    switched: dt.datetime | None = None
    rotating: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """An active learner of another school who has an INE in common with the departure.

    `horodatage` is that of the school's import in force; `busy` tells that another request under
    way shares a learner with this pair; `held` that nothing is to move between the two.
    """

    pupil_id: UUID
    uai: Uai
    horodatage: dt.datetime | None
    participates: bool
    comparison: Comparison
    busy: bool = False
    verdict: Verdict | None = None
    held: bool = False
    opposed: bool = False
    since: dt.datetime | None = None
    switched: dt.datetime | None = None

    @property
    def certain(self) -> bool:
        """Whether this is the same person: by INE and birth date, or because people say so."""
        return self.comparison.birth == Same.SAME or self.verdict == Verdict.SAME


class Condition(StrEnum):
    """What a departure waits for, or why people must look; in the order they are examined."""

    ACTIVE_AT_ORIGIN = "active-at-origin"
    KEY_ROTATION = "key-rotation"
    NO_ARRIVAL = "no-arrival"
    DESTINATION_IMPORT = "destination-import"
    HELD = "held"
    SEVERAL_ARRIVALS = "several-arrivals"
    BIRTH_DIFFERS = "birth-differs"
    OPPOSITION = "opposition"
    ORIGIN_SWITCH = "origin-switch"
    DESTINATION_SWITCH = "destination-switch"
    OFFERED = "offered"
    OTHER_REQUEST = "other-request"


TO_REVIEW = frozenset({Condition.SEVERAL_ARRIVALS, Condition.BIRTH_DIFFERS})
"""What people judge: state « to_review » of a departure. The others are « waiting »."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Either the arrival that the records are to go to, or the first condition that is missing.

    `claims` are the learners who come into question, once those set aside are passed over.
    """

    departure: Departure
    arrival: Arrival | None
    missing: Condition | None = None
    claims: tuple[Arrival, ...] = ()


def decide(departure: Departure, arrivals: Sequence[Arrival]) -> Decision:
    """What is to be done about `departure`; `arrivals` are all active learners with an INE in
    common, both sides from SIECLE.

    Doubt never moves anything: two learners who could be meant, or another birth date, wait for
    people. A school whose list is older than the stay at the origin claims nobody.
    """
    if departure.active:
        return Decision(departure, None, Condition.ACTIVE_AT_ORIGIN)
    if departure.rotating:
        return Decision(departure, None, Condition.KEY_ROTATION)
    meant = [a for a in arrivals if a.verdict != Verdict.DIFFERENT]
    claims = tuple(a for a in meant if a.horodatage and a.horodatage > departure.activated)
    if not claims:
        missing = Condition.DESTINATION_IMPORT if meant else Condition.NO_ARRIVAL
        return Decision(departure, None, missing, tuple(meant))
    free = tuple(a for a in claims if not a.held)
    named = tuple(a for a in free if a.verdict == Verdict.SAME) or free
    if len(named) != 1:
        missing = Condition.SEVERAL_ARRIVALS if named else Condition.HELD
        return Decision(departure, None, missing, named or claims)
    missing_now = _missing(departure, named[0])
    arrival = None if missing_now else named[0]
    return Decision(departure, arrival, missing_now, named)


def _missing(departure: Departure, arrival: Arrival) -> Condition | None:
    """The first condition that is missing between two learners, the only ones in question."""
    conditions = (
        (arrival.certain, Condition.BIRTH_DIFFERS),
        (not (departure.opposed or arrival.opposed), Condition.OPPOSITION),
        (departure.participates, Condition.ORIGIN_SWITCH),
        (arrival.participates, Condition.DESTINATION_SWITCH),
        (departure.offer is None, Condition.OFFERED),
        (not arrival.busy, Condition.OTHER_REQUEST),
    )
    return next((condition for holds, condition in conditions if not holds), None)


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
    departure = decision.departure
    if departure.active or departure.stay != request.stay or request.destination_gone:
        return False
    if not (departure.participates and request.destination_participates):
        return False
    if departure.opposed or request.destination_opposed:
        return False
    # People have said who it is; or nothing can be compared just now.
    if request.by_hand or decision.missing == Condition.KEY_ROTATION:
        return True
    return decision.arrival is not None and decision.arrival.pupil_id == request.destination


def matched(decisions: Iterable[Decision]) -> dict[UUID, UUID | None]:
    """The offers for which the rule has found someone, or no longer has, by transfer id: people are
    to choose between the offer and the match (rule 8).
    """
    found = {}
    for decision in decisions:
        offer = decision.departure.offer
        if offer is not None and decision.missing != Condition.KEY_ROTATION:
            now = decision.claims[0].pupil_id if decision.missing == Condition.OFFERED else None
            if now != offer.matched:
                found[offer.transfer_id] = now
    return found
