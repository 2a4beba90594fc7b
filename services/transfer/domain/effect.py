"""What setting the switch would move, said before it is set (rule 10)."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from services.transfer.domain.deciding import Arrival, Departure, decide, opened
from shared.identifiers import Uai

FIRST_MONTH = 9
"""A school year begins in September."""

PARIS = ZoneInfo("Europe/Paris")


def if_on(
    uai: Uai, cases: Iterable[tuple[Departure, Sequence[Arrival]]]
) -> tuple[list[Departure], int]:
    """Which departures would leave `uai` at once if it took part, and how many would come."""
    decisions = [
        decide(_departure(uai, departure), [_arrival(uai, arrival) for arrival in arrivals])
        for departure, arrivals in cases
    ]
    moving = [d for d in opened(decisions) if d.arrival is not None]
    leaving = [d.departure for d in moving if d.departure.uai == uai]
    coming = sum(d.arrival is not None and d.arrival.uai == uai for d in moving)
    return leaving, coming


def _departure(uai: Uai, departure: Departure) -> Departure:
    return replace(departure, participates=departure.participates or departure.uai == uai)


def _arrival(uai: Uai, arrival: Arrival) -> Arrival:
    return replace(arrival, participates=arrival.participates or arrival.uai == uai)


def by_year(departures: Iterable[Departure]) -> dict[int, int]:
    """How many left in each school year; 2025 is 2025-2026."""
    return dict(sorted(Counter(school_year(d.since) for d in departures).items()))


def school_year(moment: dt.datetime) -> int:
    """The school year that a moment falls in."""
    day = moment.astimezone(PARIS)
    return day.year if day.month >= FIRST_MONTH else day.year - 1
