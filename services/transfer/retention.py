"""What the service does by itself each hour: forgets what has been kept long enough.

Presences and match keys stay as long as the learner: `siecle_import` tells whom to forget.
"""

import datetime as dt

import structlog

from services.transfer.store import people
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
TRAIL = dt.timedelta(days=3 * 365)

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
    """Forget the trail and the ended transfers of more than three years, and what the kernel has
    kept for 90 days.
    """
    async with database.connection() as connection:
        await people.forget_trail(connection, now - TRAIL)
        await purge(connection, now)
