"""The reconcile: decide again over what has changed, ask again what is unanswered.

The net under the events: in normal life it finds nothing and `cpro_reconcile_found` stays 0.
"""

import datetime as dt

import structlog
from prometheus_client import Counter

from services.transfer.deciding import decide, requested
from services.transfer.store import changes, single_file, transfers
from shared.clock import pause
from shared.database import Database
from shared.events import TransferWithdrawn
from shared.service import Runtime

PAUSE_SECONDS = 180.0
SLICE = 5_000
UNANSWERED = dt.timedelta(minutes=5)

FOUND = Counter("cpro_reconcile_found", "Transfers that only the reconcile has opened or withdrawn")
ASKED_AGAIN = Counter("cpro_transfers_asked_again", "Requests published anew, unanswered for long")

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Reconcile at the start and every few minutes, until the service stops."""
    while not runtime.stop.is_set():
        try:
            await reconcile(runtime.database)
        except Exception:  # the next pass comes; until then events do the work
            log.warning("reconcile.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def reconcile(database: Database) -> int:
    """One pass, in slices so that others come between; returns what it found, usually 0."""
    found = 0
    more = True
    while more:
        async with database.transaction() as transaction:
            await single_file(transaction.connection)
            keys = await changes.keys_changed(transaction.connection, SLICE)
            found += await decide(transaction, keys)
            more = await changes.has_changes(transaction.connection)
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        unanswered = await transfers.ask_again(transaction.connection, UNANSWERED)
        transaction.publish(
            TransferWithdrawn(transfer_id=row["id"]) if row["withdrawn_at"] else requested(row)
            for row in unanswered
        )
    FOUND.inc(found)
    ASKED_AGAIN.inc(len(unanswered))
    return found
