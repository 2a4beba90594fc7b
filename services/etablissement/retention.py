"""What the service does by itself each hour: forgets what has been kept long enough."""

import datetime as dt

import structlog

from services.etablissement.store import directory, images, persons, rights, schools, settings
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
UNSEEN = dt.timedelta(days=365)
TRACES = dt.timedelta(days=3 * 365)
DIRECTORY = dt.timedelta(days=1)

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
    """Forget users 12 months after their last visit, traces and history after 3 years, files of
    the directory that were not applied after a day, and what the kernel has kept for 90 days.
    """
    async with database.connection() as connection:
        erased = await persons.erase_unseen(connection, now - UNSEEN, now)
        await rights.forget_traces(connection, now - TRACES)
        await schools.forget_history(connection, now - TRACES)
        await images.forget_history(connection, now - TRACES)
        await settings.forget_history(connection, now - TRACES)
        await directory.forget(connection, now - DIRECTORY, now - TRACES)
        await purge(connection, now)
    if erased:
        log.info("persons.erased", count=erased)
