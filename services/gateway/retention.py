"""What the service does by itself each ten minutes: forgets sessions and attempts that are over."""

import datetime as dt

import structlog

from services.gateway.domain.sessions import IDLE
from services.gateway.store import attempts, sessions
from shared.clock import pause
from shared.database import Database, purge
from shared.service import Runtime

PAUSE_SECONDS = 600.0
ATTEMPTS = dt.timedelta(days=1)

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Forget at the start and each ten minutes, until the service stops."""
    while not runtime.stop.is_set():
        try:
            await forget(runtime.database, runtime.clock.now())
        except Exception:  # the next time comes
            log.warning("retention.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def forget(database: Database, now: dt.datetime) -> None:
    """Forget what has ended."""
    async with database.connection() as connection:
        await sessions.forget(connection, now, now - IDLE)
        await attempts.forget(connection, now - ATTEMPTS)
        await purge(connection, now)
