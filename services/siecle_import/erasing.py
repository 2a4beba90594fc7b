"""Erases what must not be kept any longer: by itself each hour, and learners on request.

Kept how long: `docs/imports.md`. Only this service tells the others whom to forget; it asks
`transfer` first, and without an answer nobody is erased.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from services.siecle_import.acts import ChangedMeanwhileError
from services.siecle_import.domain.editing import UnknownPupilError
from services.siecle_import.domain.erasing import (
    ByItself,
    EventsWaitError,
    OnRequest,
    UnderWayError,
    check_erasable,
)
from services.siecle_import.domain.merging import REVERSIBLE
from services.siecle_import.domain.pupils import Pupil
from services.siecle_import.settings import ImportSettings
from services.siecle_import.store import erasures, imports, looks, merges, pupils
from services.siecle_import.store.erasures import Erased, Limits
from services.siecle_import.transfers import CannotAskError, UnderWay, under_way_by
from shared.clock import pause
from shared.database import Connection, Database, Transaction, purge
from shared.events import PupilErased
from shared.identifiers import Uai
from shared.service import Runtime

PAUSE_SECONDS = 3600.0
UNDONE = dt.timedelta(days=1)
UNDECIDED = dt.timedelta(days=30)
REPORTS = LOOKS = dt.timedelta(days=365)
TRACES = dt.timedelta(days=3 * 365)
SERVICE = "siecle_import"

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Erase at the start and each hour, until the service stops."""
    ask, months = under_way_by(runtime.settings), kept_months(runtime)
    while not runtime.stop.is_set():
        try:
            now = runtime.clock.now()
            await forget(runtime.database, now)
            await erase(runtime.database, now, ask, months=months)
        except CannotAskError:
            log.warning("erasing.transfer_does_not_answer")
        except Exception:  # the next hour comes
            log.warning("erasing.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


def kept_months(runtime: Runtime) -> int:
    """How many months learners who have left are kept."""
    if not isinstance(runtime.settings, ImportSettings):
        raise TypeError("these are the settings of another service")
    return runtime.settings.inactive_months


async def forget(database: Database, now: dt.datetime) -> None:
    """Forget what was said of files, previews that nobody has confirmed, cards of merges that can
    no longer be undone, looks, traces of erasures and what the kernel keeps, each when it was kept
    long enough.
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        await imports.forget_reports(connection, now - REPORTS, undone_before=now - UNDONE)
        await imports.give_up(connection, now - UNDECIDED, now)
        await merges.forget_cards(connection, now - REVERSIBLE)
        await looks.forget(connection, now - LOOKS)
        await erasures.forget_traces(connection, now - TRACES)
    async with database.connection() as connection:
        await purge(connection, now)


async def erase(database: Database, now: dt.datetime, ask: UnderWay, *, months: int) -> int:
    """Erase learners who left more than `months` ago, and those whom only an undone import had
    created (docs/transfer.md, 13), school by school; returns how many cards went.

    Nobody while events are parked: one may say that records have followed him. Who is offered, or
    whose dossier is moving, stays until that is over.

    Raises:
        CannotAskError: the schools that come later stay as they are.
    """
    limits = Limits(now - UNDONE, now, months)
    async with database.connection() as connection:
        schools = await erasures.schools_with_due(connection, limits)
    return sum([await _erase_in(database, uai, limits, ask) for uai in schools])


async def _erase_in(database: Database, uai: Uai, limits: Limits, ask: UnderWay) -> int:
    async with database.connection() as connection:
        candidates = await _cards(connection, await erasures.due(connection, uai, limits))
    held = await ask(list(candidates))
    kept = {root for card, root in candidates.items() if card in held}
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        if await erasures.events_wait(connection):
            return 0
        due = await erasures.due(connection, uai, limits)  # someone may have come back meanwhile
        asked = set(candidates.values()) - kept
        gone = 0
        for reason, undone in ((ByItself.IMPORT_UNDONE, True), (ByItself.KEPT_LONG_ENOUGH, False)):
            ids = [one for one, is_undone in due.items() if one in asked and is_undone is undone]
            gone += await _gone(transaction, uai, ids, SERVICE, reason, limits.now)
    if gone:
        log.info("pupils.erased", uai=uai, count=gone)
    return gone


async def _cards(connection: Connection, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """These learners and whoever goes on as one of them, each with whom he is at the end."""
    people = {row["id"]: row["merged_into"] for row in await erasures.with_cards(connection, ids)}

    def root(card: UUID) -> UUID:
        onward = people[card]
        return card if onward is None else root(onward)

    return {card: root(card) for card in people}


async def _gone(
    transaction: Transaction,
    uai: Uai,
    ids: Collection[UUID],
    by_whom: str,
    reason: str,
    now: dt.datetime,
) -> int:
    """Erase learners of a locked school, keep the trace, and tell the others; returns how many."""
    if not ids:
        return 0
    gone = await erasures.erase(transaction.connection, uai, ids)
    traces = [Erased(pupil_id, uai, now, by_whom, reason) for pupil_id in gone]
    await erasures.keep_trace(transaction.connection, traces)
    transaction.publish(PupilErased(pupil_id=pupil_id) for pupil_id in gone)
    return len(gone)


async def erase_on_request(
    database: Database,
    uai: Uai,
    pupil_id: UUID,
    version: int | None,
    reason: OnRequest,
    ask: UnderWay,
    *,
    by_whom: str,
    now: dt.datetime,
) -> None:
    """Erase one learner who has left, at `version` if one is given; again, nothing happens.

    Raises:
        UnknownPupilError, WrongStateError, StillHereError, ChangedMeanwhileError
        UnderWayError: until the transfer is over, or the offer taken back.
        EventsWaitError, CannotAskError: later.
    """
    async with database.connection() as connection:
        if await erasures.is_erased(connection, pupil_id, uai):
            return
        await _erasable(connection, uai, pupil_id, version)
        cards = await _cards(connection, [pupil_id])
    if await ask(list(cards)):
        raise UnderWayError
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        await _erasable(connection, uai, pupil_id, version)
        if await erasures.events_wait(connection):
            raise EventsWaitError
        await _gone(transaction, uai, [pupil_id], by_whom, reason, now)


async def _erasable(connection: Connection, uai: Uai, pupil_id: UUID, version: int | None) -> Pupil:
    found = await pupils.pupils(connection, uai, [pupil_id])
    if pupil_id not in found:
        raise UnknownPupilError
    pupil = found[pupil_id]
    if version is not None and pupil.version != version:
        raise ChangedMeanwhileError
    check_erasable(pupil)
    return pupil


async def replay(database: Database, uai: Uai, traces: Sequence[Erased]) -> None:
    """Erase again in one school whoever these traces name, whatever the restored base says of him,
    and tell the others again.

    Raises:
        EventsWaitError
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        if await erasures.events_wait(connection):
            raise EventsWaitError
        gone = await erasures.erase(connection, uai, [one.pupil_id for one in traces])
        known = {one.pupil_id: one for one in traces}
        last = traces[-1]
        await erasures.keep_trace(
            connection,
            [
                known.get(one) or Erased(one, uai, last.at, last.by_whom, last.reason)
                for one in gone
            ],
        )
        transaction.publish(PupilErased(pupil_id=pupil_id) for pupil_id in gone)
