"""What the service does by itself each hour: erases what must not be kept any longer.

Kept how long: `docs/siecle.md`. Only this service tells the others whom to forget.
"""

import datetime as dt

import structlog

from services.siecle_import.store import imports, pupils
from shared.clock import pause
from shared.database import Database
from shared.events import PupilErased
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
UNDONE = dt.timedelta(days=1)
REPORTS = dt.timedelta(days=365)

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Erase at the start and each hour, until the service stops."""
    while not runtime.stop.is_set():
        try:
            await erase(runtime.database, runtime.clock.now())
        except Exception:  # the next hour comes
            log.warning("erasing.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def erase(database: Database, now: dt.datetime) -> int:
    """Erase learners whom only an undone import had created, a day after (docs/transfer.md, 13),
    and what was said of files, a year after; returns how many learners.
    """
    async with database.transaction() as transaction:
        erased = await pupils.erase_undone(transaction.connection, now - UNDONE)
        transaction.publish(PupilErased(pupil_id=pupil_id) for pupil_id in erased)
        await imports.forget_reports(transaction.connection, now - REPORTS)
    if erased:
        log.info("pupils.erased", count=len(erased))
    return len(erased)
