"""What the service does by itself each hour: erases what must not be kept any longer.

Kept how long: `docs/imports.md`. Only this service tells the others whom to forget.
"""

import datetime as dt

import structlog

from services.siecle_import.domain.merging import REVERSIBLE
from services.siecle_import.store import imports, merges, pupils
from shared.clock import pause
from shared.database import Database
from shared.events import PupilErased
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
UNDONE = dt.timedelta(days=1)
UNDECIDED = dt.timedelta(days=30)
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
    """Erase what has been kept long enough; returns how many learners.

    These are learners whom only an undone import had created, with what was said of its file
    (docs/transfer.md, 13); what was said of other files; previews that nobody has confirmed; and
    cards of merges that can no longer be undone.
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        erased = await pupils.erase_undone(connection, now - UNDONE)
        transaction.publish(PupilErased(pupil_id=pupil_id) for pupil_id in erased)
        await imports.forget_reports(connection, now - REPORTS, undone_before=now - UNDONE)
        await imports.give_up(connection, now - UNDECIDED, now)
        await merges.forget_cards(connection, now - REVERSIBLE)
    if erased:
        log.info("pupils.erased", count=len(erased))
    return len(erased)
