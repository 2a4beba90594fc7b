"""Figures of the transfers by state, from the table (`docs/operations.md`)."""

from prometheus_client import Gauge

from services.transfer.store import figures
from shared.service import Runtime

BY_STATE = Gauge(
    "cpro_transfers", "Transfers that are open, and those that were closed in 24 hours", ["state"]
)
OLDEST = Gauge("cpro_transfer_oldest_seconds", "Age of the oldest request without an answer")

FOUND = Gauge(
    "cpro_reconcile_found_in_day", "Transfers that only the reconcile found, of whatever process"
)


async def refresh(runtime: Runtime) -> None:
    """Count the transfers by state."""
    async with runtime.database.connection() as connection:
        by_state = await figures.by_state(connection)
        OLDEST.set(await figures.oldest_request(connection))
        FOUND.set(await figures.found_by_reconcile(connection))
    for state, number in by_state.items():
        BY_STATE.labels(state).set(number)
