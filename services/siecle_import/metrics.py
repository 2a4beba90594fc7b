"""Figures of the imports by state, from the table (`docs/operations.md`)."""

import datetime as dt
import time
from uuid import UUID

from prometheus_client import Gauge

from services.siecle_import.domain.imports import State
from services.siecle_import.store import figures
from shared.clock import PARIS
from shared.service import Runtime

SEPTEMBER = 9
DAY = dt.timedelta(days=1)

BY_STATE = Gauge(
    "cpro_imports", "Imports by state: those not ended, and those that ended in 24 hours", ["state"]
)
OLDEST = Gauge("cpro_import_oldest_seconds", "How long we have seen one import being worked on")
WITHOUT = Gauge(
    "cpro_schools_without_import", "Schools with learners and no export since the 1st of September"
)

_seen: dict[tuple[UUID, str], float] = {}
"""Since when (monotonic seconds) each import has been in its state, at work."""


async def refresh(runtime: Runtime) -> None:
    """Count the imports by state."""
    async with runtime.database.connection() as connection:
        counts = await figures.by_state(connection, runtime.clock.now() - DAY)
        at_work = await figures.at_work(connection)
        begun = since(runtime.clock.today(PARIS))
        WITHOUT.set(await figures.schools_without(connection, begun))
    for state in State:
        BY_STATE.labels(state).set(counts.get(state, 0))
    OLDEST.set(longest(at_work, time.monotonic()))


def since(today: dt.date) -> dt.datetime:
    """The beginning of the last 1st of September, in Paris."""
    year = today.year if today.month >= SEPTEMBER else today.year - 1
    return dt.datetime(year, SEPTEMBER, 1, tzinfo=PARIS)


def longest(at_work: set[tuple[UUID, str]], now: float) -> float:
    """Seconds for which we have seen one of these imports in the state it is in; called with all
    that are at work, again and again.
    """
    for gone in _seen.keys() - at_work:
        del _seen[gone]
    return max((now - _seen.setdefault(one, now) for one in at_work), default=0.0)
