"""Figures of the imports by state, from the table (`docs/operations.md`)."""

import datetime as dt

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
OLDEST = Gauge("cpro_import_oldest_seconds", "How long one import has been worked on")
WITHOUT = Gauge(
    "cpro_schools_without_import", "Schools that imported before, and nothing since September"
)


async def refresh(runtime: Runtime) -> None:
    """Count the imports by state."""
    async with runtime.database.connection() as connection:
        counts = await figures.by_state(connection, runtime.clock.now() - DAY)
        OLDEST.set(await figures.oldest_at_work(connection))
        begun = since(runtime.clock.today(PARIS))
        WITHOUT.set(await figures.schools_without(connection, begun))
    for state in State:
        BY_STATE.labels(state).set(counts.get(state, 0))


def since(today: dt.date) -> dt.datetime:
    """The beginning of the last 1st of September, in Paris."""
    year = today.year if today.month >= SEPTEMBER else today.year - 1
    return dt.datetime(year, SEPTEMBER, 1, tzinfo=PARIS)
