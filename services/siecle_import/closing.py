"""Schools that close: nothing more is changed there, and their learners have left (rule 9).

The handler keeps what the registry says, and from then on nothing is changed by hand or by file; a
job ends the imports and deactivates the learners behind, because a large school has thousands. What
the families need goes on: looks, exports, erasures, and the transfers, for which these are
departures like others.
"""

import asyncio
import datetime as dt

import structlog

from services.siecle_import.announce import pupil_events
from services.siecle_import.domain.pupils import Reason, deactivated
from services.siecle_import.files.findings import finding
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import grouped
from services.siecle_import.store import imports, pupils, registry
from shared.clock import pause
from shared.database import Connection, Database
from shared.identifiers import Uai
from shared.service import Runtime
from shared.web.problems import Problem, ProblemError

PAUSE_SECONDS = 1.0

log = structlog.get_logger()


class SchoolClosedError(ProblemError):
    """The school is closed. A problem by itself, because it names the successor."""

    def __init__(self, successor: str | None) -> None:
        super().__init__(
            Problem(
                409,
                "etablissement-ferme",
                "Établissement fermé",
                "Cet établissement est fermé : ses fiches ne changent plus. " + _advice(successor),
            )
        )


def _advice(successor: str | None) -> str:
    """What staff do instead: go on in the school that has taken over, if there is one."""
    if successor is None:
        return "Adressez-vous à l'académie pour savoir où ses apprenants sont inscrits."
    return f"Travaillez dans l'établissement qui lui succède : {successor}."


async def lock_open_school(connection: Connection, uai: Uai) -> None:
    """Lock the base of a school that is open until the transaction ends.

    Raises:
        SchoolClosedError
    """
    await pupils.lock_school(connection, uai)  # first: who closes it waits, or has committed
    row = await registry.closed(connection, uai)
    if row is not None:
        raise SchoolClosedError(_named(row["successor"], row["successor_name"]))


def _named(successor: str | None, name: str | None) -> str | None:
    return f"{name}, {successor}" if successor and name else successor


async def run(runtime: Runtime) -> None:
    """Deactivate the learners of schools that close, until the service stops."""
    keys = KeyMaker.from_settings(runtime.settings)
    while not runtime.stop.is_set():
        try:
            while await close_one(runtime.database, keys, runtime.clock.now()):
                pass
        except Exception:  # the database is away: the school is still to be closed
            log.warning("closing.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def close_one(database: Database, keys: KeyMaker, now: dt.datetime) -> bool:
    """End the imports of one closed school as refused and deactivate its active learners, in sets;
    False if there is none to do.

    No ImportApplied goes with it: nothing was imported, and the import in force stays what it was.
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        uai = await registry.next_to_close(connection)
        if uai is None:
            return False
        await pupils.lock_school(connection, uai)
        await _refuse_imports(connection, uai, now)
        base = await pupils.base_of(connection, uai)
        changes = [deactivated(p, p, Reason.SCHOOL_CLOSED, now) for p in base if p.active]
        await pupils.write(connection, changes)
        transaction.publish(await asyncio.to_thread(pupil_events, changes, keys))
        await registry.set_closed(connection, uai)
    log.info("school.closed", uai=uai, count=len(changes))
    return True


async def _refuse_imports(connection: Connection, uai: Uai, now: dt.datetime) -> None:
    """End what is not applied yet; the base of the school is locked."""
    row = await registry.closed(connection, uai)
    successor = _named(row["successor"], row["successor_name"]) if row else None
    said = finding("school_closed", value=successor or "non désigné")
    for import_id in await imports.refuse_under_way(connection, uai, grouped([said]), now):
        await imports.delete_file(connection, import_id)
        await imports.delete_lists(connection, import_id)
        await imports.delete_findings(connection, import_id)
        await imports.keep_findings(connection, import_id, [said])
