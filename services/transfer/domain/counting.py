"""Counts: what schools are asked to do, and how fast dossiers follow in an académie (rule 9)."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from services.transfer.domain.deciding import TO_REVIEW, Condition, Decision, Verdict
from shared.identifiers import Uai


class ToDo(StrEnum):
    """What a school is asked to do for dossiers to move on (people.md, « À faire »)."""

    IMPORT = "await_import"
    SWITCH = "await_switch"
    ACCEPTANCE = "await_acceptance"
    OPINION = "await_opinion"


class Delay(StrEnum):
    """How long a dossier took, from the moment when both schools had told of the learner."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    LATER = "later"


_BOUNDS = (
    (dt.timedelta(minutes=1), Delay.MINUTE),
    (dt.timedelta(hours=1), Delay.HOUR),
    (dt.timedelta(days=1), Delay.DAY),
)


def to_do(decisions: Iterable[Decision]) -> Counter[tuple[Uai, ToDo]]:
    """How many departures wait for an act of each school; offers that wait are counted apart."""
    return Counter(one for decision in decisions for one in _asked(decision))


def _asked(decision: Decision) -> set[tuple[Uai, ToDo]]:
    origin, claims = decision.departure.uai, decision.claims
    if decision.departure.request is not None:
        return set()
    if decision.missing == Condition.DESTINATION_IMPORT:
        return {(claim.uai, ToDo.IMPORT) for claim in claims}
    if decision.missing == Condition.ORIGIN_SWITCH:
        return {(origin, ToDo.SWITCH)}
    if decision.missing == Condition.DESTINATION_SWITCH:
        return {(claim.uai, ToDo.SWITCH) for claim in claims}
    if decision.missing == Condition.OFFERED:  # keep the offer, or take it back
        return {(origin, ToDo.OPINION)}
    if decision.missing in TO_REVIEW:
        proposing = {claim.uai for claim in claims if claim.verdict == Verdict.PROPOSED}
        concerned = {origin, *(claim.uai for claim in claims)} - proposing
        return {(uai, ToDo.OPINION) for uai in concerned}
    return set()


def delay(ready: dt.datetime, closed: dt.datetime) -> Delay:
    """How long a dossier took."""
    return next((name for bound, name in _BOUNDS if closed - ready <= bound), Delay.LATER)


def waiting(decisions: Iterable[Decision]) -> Counter[str]:
    """What departures wait for, by their first missing condition; those under way apart."""
    return Counter(
        str(decision.missing)
        for decision in decisions
        if decision.missing is not None and decision.departure.request is None
    )
