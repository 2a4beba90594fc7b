"""The reconcile: decide again over what has changed, ask again what is unanswered.

The net under the events: in normal life it finds nothing. What it finds is counted twice: by each
process since its start, and in the database for a day, where a new process and the command
`reconcile` tell it too.
"""

import datetime as dt

import structlog
from prometheus_client import Counter, Gauge

from services.transfer.deciding import decide, offered, requested
from services.transfer.store import changes, offers, single_file, transfers
from shared.clock import pause
from shared.database import Database
from shared.events import TransferWithdrawn
from shared.service import Runtime

PAUSE_SECONDS = 180.0
SLICE = 1_000
UNANSWERED = dt.timedelta(minutes=5)
KEYS_LATE = dt.timedelta(hours=1)
REMINDER = dt.timedelta(days=7)

FOUND = Counter("cpro_reconcile_found", "Transfers that only the reconcile has opened or withdrawn")
WITHOUT_KEYS = Gauge("cpro_presences_without_keys", "Learners set aside in a rotation of keys")
ASKED_AGAIN = Counter("cpro_transfers_asked_again", "Requests published anew, unanswered for long")

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Reconcile at the start and every few minutes, until the service stops."""
    while not runtime.stop.is_set():
        try:
            await reconcile(runtime.database)
            await remind(runtime.database)
        except Exception:  # the next pass comes; until then events do the work
            log.warning("reconcile.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def reconcile(database: Database) -> int:
    """One pass, in slices so that others come between; returns what it found, usually 0."""
    await _look_at_keys(database)
    found = 0
    more = True
    while more:
        async with database.transaction() as transaction:
            await single_file(transaction.connection)
            keys = await changes.keys_changed(transaction.connection, SLICE)
            found += (of_slice := await decide(transaction, keys))
            await changes.note_found(transaction.connection, of_slice)
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


async def _look_at_keys(database: Database) -> None:
    """Set those aside who hold up a rotation of keys; decide over everything once it has ended."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        await single_file(connection)
        if late := await changes.set_aside(connection, KEYS_LATE):
            log.warning("rotation.late", count=late)
        if await changes.rotation_ended(connection):
            await changes.begin_anew(connection)
        WITHOUT_KEYS.set(await changes.without_keys(connection))


async def remind(database: Database) -> int:
    """Tell schools once more of the offers that have waited for a week; returns how many."""
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        rows = await offers.take_to_remind(transaction.connection, REMINDER)
        transaction.publish(offered(rows, reminder=True))
    return len(rows)
