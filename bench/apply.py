"""Bringing a school's base up to its file, beside a transaction a pupil.

A school's first import, then one in which each pupil has another division. « Apply » is what the
naive way does as well: compare with the base, write, tell. « Whole import » is all that follows the
confirmation: the kept reading, previews made anew, lists, history.
"""

import io
import secrets
import statistics
import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from rich.console import Console
from uuid_utils.compat import uuid7

from bench import naive, system
from bench.export import export_of
from bench.naive import importing as naive_importing
from bench.naive.reading import Fields
from bench.naive.reading import read as naive_read
from bench.results import Result
from bench.turns import in_turn
from deploy.local.servers import Servers
from services.siecle_import import importing, steps
from services.siecle_import.__main__ import service
from services.siecle_import.files.reading import read
from services.siecle_import.importing import Consent
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import preview_of
from services.siecle_import.store import imports, pupils
from shared.clock import Clock
from shared.database import Database
from shared.identifiers import Uai

PUPILS = 3_000
NAIVE_PUPILS = 300
UAI = Uai("9990001X")
DAY = date(2026, 1, 20)
CLOCK = Clock(DAY)
KEYS = KeyMaker(secrets.token_bytes(32), 1)
EXPORTED = b"15/09/2025"
EMPTY = "TRUNCATE school, pupil, import_run, import_entry, outbox CASCADE"


def _files(pupils: int) -> Sequence[bytes]:
    """The first export of a school and a later one, with another division for each pupil."""
    first = export_of(pupils)
    return first, first.replace(b"2MELEC", b"1MELEC").replace(EXPORTED, b"16/09/2025")


async def _confirmed(database: Database, content: bytes) -> None:
    """Have a file read, and confirm all that it asks for."""
    import_id: UUID = uuid7()
    async with database.transaction() as transaction:
        await importing.receive(
            transaction, UAI, io.BytesIO(content), file_name=None, sent_by="bench",
            received_at=CLOCK.now(), import_id=import_id,
        )  # fmt: skip
    await steps.work(database, CLOCK, KEYS)
    async with database.transaction() as transaction:
        run = await imports.import_run(transaction.connection, UAI, import_id)
        if run is None or run["state"] != "ready":
            raise RuntimeError(f"the file is not ready to be applied: {run and run['findings']}")
        needed = importing.needed(run)
        number = next((one.number for one in needed if one.number), None)
        consent = Consent([one.code for one in needed], number, ())
        await importing.confirm(transaction, UAI, import_id, consent, confirmed_by="bench")


async def _whole(database: Database) -> float:
    """Pupils a second, from the confirmation to the commit."""
    taken = 0.0
    for content in _files(PUPILS):
        await _confirmed(database, content)
        begun = time.perf_counter()
        await steps.work(database, CLOCK, KEYS)
        taken += time.perf_counter() - begun
    return await _checked(database, taken)


async def _ours(database: Database) -> float:
    """Pupils a second that are compared, written and told."""
    taken = 0.0
    for content in _files(PUPILS):
        reading = read(io.BytesIO(content), today=DAY, received_at=CLOCK.now(), uai=UAI)
        begun = time.perf_counter()
        async with database.transaction() as transaction:
            connection = transaction.connection
            await pupils.lock_school(connection, UAI)
            base = await pupils.base_of(connection, UAI)
            in_force = await pupils.in_force(connection, UAI)
            preview = preview_of(base, reading, UAI, in_force, now=CLOCK.now())
            await steps.write(transaction, UAI, preview, in_force, KEYS)
        taken += time.perf_counter() - begun
    return await _checked(database, taken)


async def _checked(database: Database, taken: float) -> float:
    told: int = await database.pool.fetchval("SELECT count(*) FROM outbox")
    if told != 2 * (PUPILS + 1):
        raise RuntimeError(f"{told} events of {PUPILS} pupils who came, then changed")
    await database.pool.execute(EMPTY)
    return 2 * PUPILS / taken


async def _naive(pool: "asyncpg.Pool[Any]", files: Sequence[Sequence[Fields]]) -> float:
    begun = time.perf_counter()
    for lines in files:
        await naive_importing.apply(pool, UAI, lines, naive_importing.note)
    taken = time.perf_counter() - begun
    await pool.execute("TRUNCATE pupil, outbox")
    return 2 * NAIVE_PUPILS / taken


async def _copy(database: Database) -> float:
    """Pupils a second that are copied into the table, and nothing else."""
    await _confirmed(database, export_of(PUPILS))
    await steps.work(database, CLOCK, KEYS)
    rates = []
    async with database.connection() as connection:
        rows = [tuple(row) for row in await connection.fetch("SELECT * FROM pupil")]
        for _ in range(3):
            await connection.execute("TRUNCATE pupil")
            begun = time.perf_counter()
            await connection.copy_records_to_table("pupil", records=rows)
            rates.append(PUPILS / (time.perf_counter() - begun))
        await connection.execute(EMPTY)
    return statistics.median(rates)


async def _rates(running: Servers) -> Sequence[float]:
    async with (
        system.database(running, service.migration_folders) as database,
        system.database_url(running) as naive_url,
        asyncpg.create_pool(naive_url) as pool,
    ):
        await pool.execute(naive.TABLES)
        files = [naive_read(io.BytesIO(content)) for content in _files(NAIVE_PUPILS)]
        return await in_turn(
            partial(_ours, database),
            partial(_naive, pool, files),
            partial(_copy, database),
            partial(_whole, database),
        )


def apply(running: Servers, _: Console) -> Sequence[Result]:
    """Pupils a second who come with a first import and change with the next."""
    ours, naive_rate, copied, whole = uvloop.run(_rates(running))
    limit_is = "COPY alone, into the table of pupils with its indexes"
    return [
        Result("apply", "pupils/s", ours, naive_rate, copied, limit_is),
        Result("apply, whole import", "pupils/s", whole, naive_rate),
    ]
