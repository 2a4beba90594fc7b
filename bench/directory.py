"""The public directory into the registry, beside one statement a row; and the search in it."""

import asyncio
import io
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from rich.console import Console

from bench import system
from bench.results import Result
from deploy.local.servers import Servers
from services.etablissement import directory, importing
from services.etablissement.__main__ import service
from services.etablissement.domain.words import fold
from services.etablissement.registry import By
from services.etablissement.store import schools
from services.etablissement.store.directory import COLUMNS
from shared.clock import Clock
from shared.database import Database
from shared.events import SchoolUpdated
from tests.support.databases import let_histories_go
from tests.support.directory import school, written

SCHOOLS = 70_000
NAIVE_SCHOOLS = 3_000
SEARCHES = ("jules verne", "lycee prof", "Saint-Denis", "ecole", "boucher mans", "oeuvre epinal")
ROUNDS = 5

Fill = Callable[[Database, bytes], Awaitable[None]]


async def _ours(database: Database, content: bytes) -> None:
    by, import_id = By("bench", Clock().now()), uuid4()
    async with database.transaction() as transaction:
        await importing.receive(transaction, import_id, io.BytesIO(content), by)
    async with database.transaction() as transaction:
        await importing.apply(transaction, import_id, by)


async def _singly(database: Database, content: bytes) -> None:
    """A row, a statement, its history, its event."""
    report = directory.Report()
    async with database.transaction() as transaction:
        for line in directory.lines(io.BytesIO(content), report):
            row = await transaction.connection.fetchrow(
                f"""
                INSERT INTO school ({", ".join(COLUMNS)})
                VALUES ({", ".join(f"${place + 1}" for place in range(len(COLUMNS)))})
                ON CONFLICT (uai) DO UPDATE SET version = school.version + 1,
                    ({", ".join(COLUMNS)}) = ({", ".join(f"excluded.{c}" for c in COLUMNS)})
                RETURNING *
                """,
                *line,
            )
            if row is None:
                raise LookupError("an upsert answers with its row")
            await schools.note(transaction.connection, row, "created", {}, "bench", Clock().now())
            event = {field: row[field] for field in SchoolUpdated.model_fields}
            transaction.publish([SchoolUpdated(**event)])


def _new(count: int) -> bytes:
    return written(school(number) for number in range(count))


def _changed(count: int) -> bytes:
    """The same schools, each with another name, town and telephone."""
    other = {"Nom_commune": "Bron", "Telephone": "0472000000"}
    return written(
        school(number, Nom_etablissement=f"Lycée {number}", **other) for number in range(count)
    )


async def _rate(fill: Fill, database: Database, content: bytes, count: int) -> float:
    """Schools a second, from the file to the commit."""
    begun = time.perf_counter()
    await fill(database, content)
    return count / (time.perf_counter() - begun)


async def _naive(database: Database) -> list[float]:
    """Schools a second that enter an empty registry, and that are changed, singly; it is emptied
    again.
    """
    contents = (_new(NAIVE_SCHOOLS), _changed(NAIVE_SCHOOLS))
    rates = [await _rate(_singly, database, content, NAIVE_SCHOOLS) for content in contents]
    await let_histories_go(database)
    await database.pool.execute("TRUNCATE school, directory_import, outbox CASCADE")
    return rates


async def _searches(database: Database) -> float:
    """Median searches a second among as many schools as the directory has."""
    taken = []
    async with database.connection() as connection:
        for text in SEARCHES * ROUNDS:
            begun = time.perf_counter()
            await schools.found_by_words(connection, fold(text), 10, are_open=True)
            taken.append(time.perf_counter() - begun)
    return 1 / statistics.median(taken)


async def _reads(database: Database) -> float:
    """The same by reading every school: the naive way."""
    taken = []
    async with database.connection() as connection:
        for text in SEARCHES:
            begun = time.perf_counter()
            await connection.fetch(
                """
                SELECT * FROM school WHERE name_words || ' ' || town_words LIKE '%' || $1 || '%'
                ORDER BY name LIMIT 10
                """,
                fold(text),
            )
            taken.append(time.perf_counter() - begun)
    return 1 / statistics.median(taken)


async def _rates(running: Servers) -> Sequence[Result]:
    async with system.database(running, service.migration_folders) as database:
        entered, changed = await _naive(database)
        ours = await _rate(_ours, database, _new(SCHOOLS), SCHOOLS)
        searches, reads = await _searches(database), await _reads(database)
        anew = await _rate(_ours, database, _changed(SCHOOLS), SCHOOLS)
    return [
        Result("directory", "schools/s", ours, entered),
        Result("directory, all changed", "schools/s", anew, changed),
        Result("school search", "searches/s", searches, reads),
    ]


def directory_imports(running: Servers, _: Console) -> Sequence[Result]:
    """Schools a second that are imported, searches a second among them, schools a second that are
    changed by a second file.
    """
    return asyncio.run(_rates(running))
