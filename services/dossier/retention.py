"""What the service does by itself each hour: forgets what has been kept long enough."""

import datetime as dt

import structlog

from services.dossier.store import looks
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
LOOKS = dt.timedelta(days=365)

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
    """Forget looks of more than a year or at learners who were erased, and what the kernel has kept
    for 90 days.
    """
    async with database.connection() as connection:
        await looks.forget(connection, now - LOOKS)
        await looks.forget_erased(connection)
        await purge(connection, now)
