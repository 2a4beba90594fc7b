"""What the service does by itself each hour: forgets what has been kept long enough."""

import datetime as dt

import structlog

from services.inspector_access.store import looks, switches
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
LOOKS = dt.timedelta(days=365)
"""How long looks, and inspectors who are in charge of nothing any more, are kept."""
CHANGES = dt.timedelta(days=3 * 365)
"""How long it is kept who has set a switch."""

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
    """Forget looks and inspectors of more than a year ago, changes of more than three, and what the
    kernel has kept for 90 days.
    """
    async with database.connection() as connection:
        await looks.forget(connection, now - LOOKS)
        await looks.forget_inspectors(connection, now - LOOKS)
        await switches.forget_changes(connection, now - CHANGES)
        await purge(connection, now)
