"""The work on imports behind the requests: read what was received, apply what was confirmed.

One worker an import. Each step ends in one transaction that also writes the new state; a crash
before it leaves the former state, and the step is done again. A step that was begun `ATTEMPTS`
times and never ended, because the process or its database went away, ends as failed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from asyncpg import InterfaceError, Record
from asyncpg.exceptions import TransactionRollbackError
from pydantic import TypeAdapter

from services.siecle_import.announce import import_applied, pupil_events
from services.siecle_import.domain.imports import (
    InForce,
    NotConfirmedError,
    State,
    check_confirmed,
)
from services.siecle_import.domain.lost import regained
from services.siecle_import.domain.pupils import Change, Pupil
from services.siecle_import.files.findings import Finding
from services.siecle_import.files.reading import Reading, read
from services.siecle_import.files.rows import aliases
from services.siecle_import.identifiers import school_timezone
from services.siecle_import.importing import Consent
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import Preview, counts_of, grouped, preview_of
from services.siecle_import.store import imports, lost, pupils
from shared.clock import Clock, pause
from shared.database import UNAVAILABLE, Connection, Database, Transaction
from shared.identifiers import Uai
from shared.service import Runtime
from shared.telemetry import span_of

CONNECTIONS = 4
"""Connections of the pool to a worker: two that it uses, and as many for all else."""
POLL_SECONDS = 0.2
PROGRESS_SECONDS = 0.25
ATTEMPTS = 10
TRY_AGAIN = (*UNAVAILABLE, TransactionRollbackError, pupils.StaleBaseError)
"""What ends a step through no fault of the file: the database is away, someone came first."""

log = structlog.get_logger()
_READING = TypeAdapter(Reading)


async def run(runtime: Runtime) -> None:
    """Work on imports until the service stops, on so many at once as the pool allows: while one is
    parsed, which leaves Python free, or waits for the database, another goes on.
    """
    keys = KeyMaker.from_settings(runtime.settings)
    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, runtime.settings.database_pool_size // CONNECTIONS)):
            group.create_task(_work_on(runtime, keys))


async def _work_on(runtime: Runtime, keys: KeyMaker) -> None:
    while not runtime.stop.is_set():
        runtime.wake.clear()
        try:
            await work(runtime.database, runtime.clock, keys)
        except Exception:  # the imports are as they were, and their turn comes again
            log.warning("imports.failed", exc_info=True)
            await runtime.database.wait(runtime.stop)
        await pause(runtime.wake, POLL_SECONDS)


async def work(database: Database, clock: Clock, keys: KeyMaker) -> None:
    """One step of each import that has one to do and that nobody else works on, oldest first.

    If a step fails or is cancelled, the connection that owns its import is cut, and its lock with
    it: another worker may go on.
    """
    async with database.connection() as owner:
        try:
            for row in await imports.at_work(owner):
                if await imports.try_to_own(owner, row["id"]):
                    await _step(database, clock, keys, row)
                    await imports.disown(owner, row["id"])
        except BaseException:
            with suppress(InterfaceError):  # it was cut already, and the pool has it back
                owner.terminate()
            raise


async def _step(database: Database, clock: Clock, keys: KeyMaker, row: Record) -> None:
    async with database.connection() as connection:
        attempts = await imports.begin_attempt(connection, row["id"], row["state"])
    if attempts is None:  # another worker has done it meanwhile
        return
    try:
        if attempts > ATTEMPTS:
            raise _TooManyAttemptsError
        with span_of("import", [row["traceparent"]]) as span:
            span.set_attribute("cpro.import", str(row["id"]))
            if row["state"] == State.RECEIVED:
                await _read(database, clock, row)
            else:
                await _apply(database, clock, keys, row)
    except TRY_AGAIN:  # the import is as it was, and its turn comes again
        raise
    except Exception:
        log.error("import.failed", import_id=str(row["id"]), exc_info=True)
        await _end(database, row, State.FAILED, {"ended_at": clock.now()})


class _TooManyAttemptsError(Exception):
    """The step was begun several times and never ended."""


async def _end(
    database: Database,
    row: Record,
    state: State,
    values: Mapping[str, Any],
    findings: Iterable[Finding] = (),
) -> None:
    """End an import without touching the base, in a transaction of its own."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        moved = await imports.set_state(
            connection,
            row["id"],
            expected=State(row["state"]),
            state=state,
            values={"reading": None, **values},
        )
        if moved is None:
            return
        await imports.delete_file(connection, row["id"])
        await imports.delete_lists(connection, row["id"])
        await imports.keep_findings(connection, row["id"], list(findings))


async def _read(database: Database, clock: Clock, row: Record) -> None:
    """Read the file and keep what it says, with what applying would change."""
    reading = await _reading(database, clock, row)
    said = _said(reading)
    if reading.verdict == "refused":
        values = {**said, "counts": counts_of(reading), "ended_at": clock.now()}
        await _end(database, row, State.REFUSED, values, reading.findings)
        return
    async with database.connection() as connection:
        base = await pupils.base_of(connection, row["uai"])
        in_force = await pupils.in_force(connection, row["uai"])
        last = await imports.last_applied(connection, row["uai"])
        preferences = await imports.preferences(connection, row["uai"])
    preview = await asyncio.to_thread(
        preview_of, base, reading, Uai(row["uai"]), in_force, now=clock.now()
    )
    if last and last["sha256"] == reading.sha256 and not preview.difference.changes:
        values = {**said, "counts": preview.counts, "same_as": last["id"], "ended_at": clock.now()}
        await _end(database, row, State.SEEN, values, preview.findings)
        return
    state, consent = State.READY, {}
    if preferences.apply_at_once and not preview.needed:
        state, consent = State.CONFIRMED, {"confirmed_by": row["sent_by"]}
    kept = await asyncio.to_thread(_READING.dump_json, reading)
    values = {
        **said,
        **_previewed(preview),
        "findings": grouped(preview.findings),
        "reading": kept,
    }
    async with database.transaction() as transaction:
        connection = transaction.connection
        moved = await imports.set_state(
            connection,
            row["id"],
            expected=State.RECEIVED,
            state=state,
            values={**values, **consent},
        )
        if moved is None:
            return
        await imports.delete_file(connection, row["id"])
        await imports.keep_findings(connection, row["id"], preview.findings)
        await imports.keep_lists(connection, row["id"], preview.entries(applied=False))


async def _reading(database: Database, clock: Clock, row: Record) -> Reading:
    """Read the file in a thread, and note meanwhile how far that is."""
    percent = 0

    def progress(now: int) -> None:
        nonlocal percent
        percent = now

    with tempfile.TemporaryFile() as file:
        async with database.connection() as connection:
            async for data in _chunks(connection, row["id"]):
                file.write(data)
        file.seek(0)
        today = clock.today(school_timezone(row["uai"]))
        thread = asyncio.to_thread(
            read, file, today=today, received_at=row["received_at"], uai=Uai(row["uai"]),
            progress=progress,
        )  # fmt: skip
        reading = asyncio.create_task(thread)
        try:
            while not (await asyncio.wait({reading}, timeout=PROGRESS_SECONDS))[0]:
                async with database.connection() as connection:
                    await imports.set_progress(connection, row["id"], percent)
        finally:
            await asyncio.wait({reading})  # a thread cannot be stopped, and it reads the file
        return reading.result()


async def _chunks(connection: Connection, import_id: UUID) -> AsyncIterator[bytes]:
    position = 0
    while (data := await imports.chunk(connection, import_id, position)) is not None:
        yield data
        position += 1


def _said(reading: Reading) -> dict[str, Any]:
    """What the import tells of its file, whatever comes of it."""
    return {
        "kind": reading.kind,
        "sha256": reading.sha256,
        "horodatage": reading.horodatage,
        "school_year": reading.school_year,
        "findings": grouped(reading.findings),
        "progress": 100,
    }


def _previewed(preview: Preview) -> dict[str, Any]:
    """What the import tells of its preview."""
    return {
        "counts": preview.counts,
        "confirmations": [one._asdict() for one in preview.needed],
    }


async def _apply(database: Database, clock: Clock, keys: KeyMaker, row: Record) -> None:
    """Bring the base up to the file: the difference is computed anew under the school's lock.

    Where the base has moved so that more is to be confirmed, the import waits for a person again.
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, row["uai"])
        run = await imports.confirmed(connection, row["id"])
        if run is None:
            return
        consent = Consent.of(run["consent"])
        base = await pupils.base_of(connection, row["uai"])
        in_force = await pupils.in_force(connection, row["uai"])
        preview = await asyncio.to_thread(
            _preview_of_kept, run["reading"], base, Uai(row["uai"]), in_force, clock, consent
        )
        await imports.delete_lists(connection, row["id"])
        values = _previewed(preview)
        try:
            check_confirmed(preview.needed, consent.codes, consent.number)
        except NotConfirmedError:
            state, values = State.READY, {**values, "consent": None, "confirmed_by": None}
            await imports.keep_lists(connection, row["id"], preview.entries(applied=False))
        else:
            preview = await _regained(connection, Uai(row["uai"]), preview, keys)
            await imports.keep_lists(connection, row["id"], preview.entries(applied=True))
            number = await write(transaction, Uai(row["uai"]), preview, in_force, keys)
            ended = {"number": number, "reading": None, "ended_at": clock.now()}
            state, values = State.APPLIED, {**values, **ended}
        await imports.set_state(
            connection, row["id"], expected=State.CONFIRMED, state=state, values=values
        )


async def _regained(connection: Connection, uai: Uai, preview: Preview, keys: KeyMaker) -> Preview:
    """The preview, in which learners whom a restore had lost have their ids again."""
    known = await lost.of_school(connection, uai, keys.version)
    if not known:
        return preview
    changes = regained(
        preview.difference.changes, known, lambda p: [keys.ine_key(ine) for ine in aliases(p)]
    )
    await lost.forget(connection, [changed.after.id for changed in changes])
    return replace(preview, difference=replace(preview.difference, changes=changes))


def _preview_of_kept(
    kept: bytes,
    base: Sequence[Pupil],
    uai: Uai,
    in_force: InForce | None,
    clock: Clock,
    consent: Consent,
) -> Preview:
    reading = _READING.validate_json(kept)
    return preview_of(base, reading, uai, in_force, now=clock.now(), spare=consent.spared)


async def write(
    transaction: Transaction,
    uai: Uai,
    preview: Preview,
    in_force: InForce | None,
    keys: KeyMaker,
) -> int:
    """Write the differences and tell them; returns the number of this import of the school."""
    connection, changes = transaction.connection, preview.difference.changes
    told = asyncio.to_thread(pupil_events, changes, keys)
    events, _ = await asyncio.gather(told, pupils.write(connection, changes))
    if preview.in_force.source == "csv" and in_force and in_force.source == "siecle":
        now_in_force = in_force  # a CSV is no list of the whole school
    else:
        now_in_force = preview.in_force
    number = await pupils.set_in_force(connection, uai, now_in_force)
    departed = preview.difference.of(Change.DEACTIVATED)
    transaction.publish(events)
    transaction.publish([import_applied(uai, number, now_in_force, departed)])
    return number
