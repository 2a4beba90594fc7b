"""The life of an import: received, read, confirmed, applied.

A file is kept safe before the request that brings it is answered (`receive`); `run` then works
behind, one process an import: it reads what was received and waits for a person (`confirm`), then
applies. Each step ends in one transaction that also writes the new state; a crash before it leaves
the former state, and the step is done again. A step that has crashed the process `ATTEMPTS` times
ends as failed.
"""

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import asdict
from typing import IO, Any
from uuid import UUID

import structlog
from asyncpg import Record
from pydantic import TypeAdapter

from services.siecle_import import domain, store
from services.siecle_import.announce import import_applied, pupil_event
from services.siecle_import.files.findings import Finding, finding
from services.siecle_import.files.reading import Reading, read
from services.siecle_import.files.rows import PupilLine
from services.siecle_import.files.whole import subject_of
from services.siecle_import.identifiers import SchoolYear, school_timezone
from services.siecle_import.keys import KeyMaker
from services.siecle_import.settings import ImportSettings
from shared.clock import Clock, pause
from shared.database import UNAVAILABLE, Connection, Database, Transaction
from shared.events import PupilEvent
from shared.identifiers import Uai
from shared.service import Runtime

POLL_SECONDS = 0.2
CHUNK_BYTES = 1024 * 1024
ATTEMPTS = 10

log = structlog.get_logger()
_READING = TypeAdapter(Reading)


async def receive(
    transaction: Transaction, uai: Uai, file: IO[bytes], *, file_name: str | None,
    sent_by: str, received_at: dt.datetime, import_id: UUID,
) -> None:  # fmt: skip
    """Keep a file safe; reading begins after the commit.

    Raises:
        ImportUnderWayError: another import of the school is being read or applied.
    """
    connection = transaction.connection
    await store.lock_school(connection, uai)
    if await store.is_under_way(connection, uai):
        raise domain.ImportUnderWayError
    await store.receive(
        connection, import_id, uai, file_name=file_name, sent_by=sent_by, received_at=received_at
    )
    position = 0
    while data := file.read(CHUNK_BYTES):
        await store.add_chunk(connection, import_id, position, data)
        position += 1


async def confirm(
    transaction: Transaction,
    uai: Uai,
    import_id: UUID,
    *,
    given: Collection[str],
    number: int | None,
    confirmed_by: str,
) -> Record:
    """Have an import applied that has been read; of two confirmations at once, one is told.

    Raises:
        UnknownImportError, NotReadyError, NotConfirmedError
    """
    connection = transaction.connection
    await store.lock_school(connection, uai)
    run = await store.import_run(connection, uai, import_id)
    if run is None:
        raise domain.UnknownImportError
    if run["state"] != "ready":
        raise domain.NotReadyError
    domain.check_confirmed(run["confirmations"].items(), given, number)
    confirmed = await store.set_state(
        connection,
        import_id,
        expected="ready",
        state="confirmed",
        values={"confirmed_by": confirmed_by},
    )
    if confirmed is None:
        raise domain.NotReadyError
    return confirmed


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Work on imports until `stop` is set."""
    assert isinstance(runtime.settings, ImportSettings)  # noqa: S101 - this service's own settings
    keys = KeyMaker.from_file(runtime.settings.match_key_file, runtime.settings.match_key_version)
    while not stop.is_set():
        try:
            await _work(runtime.database, runtime.clock, keys)
        except Exception:  # the database is away: the imports are as they were
            log.warning("imports.failed", exc_info=True)
        await pause(stop, POLL_SECONDS)


async def _work(database: Database, clock: Clock, keys: KeyMaker) -> None:
    """One step of each import that has one to do and that no other process works on."""
    async with database.connection() as owner:
        for row in await store.at_work(owner):
            if not await store.try_to_own(owner, row["id"]):
                continue
            try:
                await _step(database, clock, keys, row)
            finally:
                await store.disown(owner, row["id"])


async def _step(database: Database, clock: Clock, keys: KeyMaker, row: Record) -> None:
    async with database.connection() as connection:
        attempts = await store.begin_attempt(connection, row["id"], row["state"])
    if attempts is None:
        return
    try:
        if attempts > ATTEMPTS:
            raise _TooManyAttemptsError
        if row["state"] == "received":
            await _read(database, clock, row)
        else:
            await _apply(database, clock, keys, row)
    except UNAVAILABLE:  # the import is as it was, and its turn comes again
        raise
    except Exception:
        log.error("import.failed", import_id=str(row["id"]), exc_info=True)
        await _end(database, row, "failed", clock)


class _TooManyAttemptsError(Exception):
    """The step has ended the process several times."""


async def _end(database: Database, row: Record, state: str, clock: Clock, **values: Any) -> None:
    """End an import without touching the base, in a transaction of its own."""
    async with database.transaction() as transaction:
        await store.set_state(
            transaction.connection,
            row["id"],
            expected=row["state"],
            state=state,
            values={"reading": None, "ended_at": clock.now(), **values},
        )
        await store.delete_file(transaction.connection, row["id"])


async def _read(database: Database, clock: Clock, row: Record) -> None:
    """Read the file and keep what it says, with what applying would change."""
    uai = Uai(row["uai"])
    today = clock.today(school_timezone(uai))
    with tempfile.TemporaryFile() as file:
        async with database.connection() as connection:
            async for data in _chunks(connection, row["id"]):
                file.write(data)
        file.seek(0)
        reading = await asyncio.to_thread(
            read, file, today=today, received_at=row["received_at"], uai=uai
        )
    if reading.verdict == "refused":
        values = {"findings": _shown(reading.findings), "counts": _counts(reading)}
        await _end(database, row, "refused", clock, **values)
        return
    async with database.connection() as connection:
        base = await store.base_of(connection, uai)
        in_force = await store.in_force(connection, uai)
    difference = await asyncio.to_thread(_difference, base, reading, row, clock)
    needed = domain.confirmations(
        base,
        difference,
        school_year=_year(reading),
        horodatage=reading.horodatage,
        in_force=in_force,
        today=today,
    )
    async with database.transaction() as transaction:
        await store.delete_file(transaction.connection, row["id"])
        await store.set_state(
            transaction.connection,
            row["id"],
            expected="received",
            state="ready",
            values={
                "reading": _READING.dump_json(reading).decode(),
                "horodatage": reading.horodatage,
                "school_year": reading.school_year,
                "counts": _counts(reading) | _changes(difference),
                "confirmations": {str(code): number for code, number in needed.items()},
                "findings": _shown((*reading.findings, *map(_reassigned, difference.reassigned))),
            },
        )


def _year(reading: Reading) -> SchoolYear:
    """The school year of a file that was not refused, which has one."""
    if reading.school_year is None:
        raise ValueError("a file without school year was accepted")
    return SchoolYear(reading.school_year)


def _shown(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [asdict(one) for one in findings]


def _reassigned(line: PupilLine) -> Finding:
    """A number that the base knows as someone else's: the line is left out."""
    return finding("eleve_id_reassigned", subject_of(line), value=line.eleve_id)


async def _chunks(connection: Connection, import_id: UUID) -> AsyncIterator[bytes]:
    position = 0
    while (data := await store.chunk(connection, import_id, position)) is not None:
        yield data
        position += 1


def _difference(
    base: list[domain.Pupil], reading: Reading, row: Record, clock: Clock
) -> domain.Difference:
    return domain.difference(
        base,
        reading.pupils,
        reading.in_error,
        uai=Uai(row["uai"]),
        horodatage=reading.horodatage,
        now=clock.now(),
    )


def _pupil_events(difference: domain.Difference, keys: KeyMaker) -> list[PupilEvent]:
    return [pupil_event(kind, pupil, keys) for kind, pupil in difference.changes]


def _counts(reading: Reading) -> dict[str, int]:
    return {
        "read": reading.read,
        "active": reading.active,
        "left": reading.left,
        "without_ine": reading.without_ine,
    }


def _changes(difference: domain.Difference) -> dict[str, int]:
    return {str(kind): len(difference.of(kind)) for kind in domain.Change}


async def _apply(database: Database, clock: Clock, keys: KeyMaker, row: Record) -> None:
    """Bring the base up to the file: the difference is computed anew under the school's lock."""
    uai = Uai(row["uai"])
    async with database.transaction() as transaction:
        connection = transaction.connection
        await store.lock_school(connection, uai)
        reading = _READING.validate_json(await store.reading_of(connection, row["id"]))
        base = await store.base_of(connection, uai)
        difference = await asyncio.to_thread(_difference, base, reading, row, clock)
        created = difference.of(domain.Change.CREATED)
        changed = [p for kind, p in difference.changes if kind is not domain.Change.CREATED]
        if created:
            await store.add_pupils(connection, created)
        if changed:
            await store.change_pupils(connection, changed)
        number = await store.set_in_force(connection, uai, reading.horodatage, _year(reading))
        transaction.publish(await asyncio.to_thread(_pupil_events, difference, keys))
        transaction.publish(
            [import_applied(uai, number, reading.horodatage, _year(reading), difference)]
        )
        ended = {
            "number": number,
            "counts": _counts(reading) | _changes(difference),
            "reading": None,
            "ended_at": clock.now(),
        }
        await store.set_state(
            connection, row["id"], expected="confirmed", state="applied", values=ended
        )
