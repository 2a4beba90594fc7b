"""What the service does by itself each hour: forgets what has been kept long enough."""

import datetime as dt

import structlog

from services.notifier.store import digests, mails, suppressions, unaddressed
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
LEDGER = dt.timedelta(days=365)

AT_ONCE = 5_000

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Forget at the start and each hour, until the service stops."""
    while not runtime.stop.is_set():
        try:
            await forget(runtime.database, runtime.clock.now())
        except Exception:  # the next hour comes
            log.warning("retention.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def forget(database: Database, now: dt.datetime) -> None:
    """Forget mails, digests and lifted suppressions of more than a year, and what the kernel has
    kept for 90 days.
    """
    async with database.connection() as connection:
        while await mails.forget(connection, now - LEDGER, AT_ONCE):
            pass
        await digests.forget(connection, now - LEDGER)
        await unaddressed.forget(connection, now - LEDGER)
        await suppressions.forget(connection, now - LEDGER)
        await purge(connection, now)
