"""Matching in a table of national size: a batch of 500 events, beside one event at a time.

The base is made of whole numbers: 5.6 million learners of 11,000 schools, one INE each, one in
twenty gone. A batch holds learners who leave and learners who come, half of each; their partners
are spread over the whole base.
"""

import asyncio
import datetime as dt
import os
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from uuid import UUID, uuid4

from rich.console import Console

from deploy.local.servers import create_database, drop_database, running_servers
from services.transfer import matching
from services.transfer.__main__ import service
from services.transfer.handlers import handle
from services.transfer.store import single_file
from shared.database import Connection, Database, migrate
from shared.events import MatchKeys, PupilCreated, PupilDeactivated, PupilEvent
from shared.identifiers import KEY_LETTERS, Uai
from shared.messaging.consumer import Batch

LEARNERS = int(os.environ.get("LEARNERS", "5600000"))
SCHOOLS = 11_000
BATCH = 500
ROUNDS = 9
GONE_ONE_IN = 20
BEFORE = dt.datetime(2025, 9, 15, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 1, 13, tzinfo=dt.UTC)

_UAI = f"""lpad((1000000 + n % {SCHOOLS})::text, 7, '0')
    || substr('{KEY_LETTERS}', ((1000000 + n % {SCHOOLS}) % 23)::int + 1, 1)"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds, medians: of the matching of a batch, of its whole transaction, and of the
    matching of the same learners one at a time.
    """

    matched: float
    handled: float
    singly: float


async def _fill(connection: Connection) -> None:
    """The base: learners, their keys, an import in force and a switch of each school."""
    await connection.execute(
        f"""
        INSERT INTO presence (pupil_id, uai, version, stay, active, since, activated, reason,
            source, last_year, has_birth_date, key_version, changed_at)
        SELECT md5('p' || n)::uuid, {_UAI}, 1, 1, n % {GONE_ONE_IN} <> 0, $2, $2,
            CASE WHEN n % {GONE_ONE_IN} = 0 THEN 'absent' END, 'siecle', false, true, 1, $2
        FROM generate_series(1, $1::int) AS n
        """,
        LEARNERS,
        BEFORE,
        timeout=3600,
    )
    await connection.execute(
        """
        INSERT INTO match_key (pupil_id, ine_key, birth_key, family_keys, first_keys)
        SELECT md5('p' || n)::uuid, decode(md5('i' || n), 'hex'), decode(md5('b' || n), 'hex'),
            ARRAY[decode(md5('f' || n), 'hex')], ARRAY[decode(md5('g' || n), 'hex')]
        FROM generate_series(1, $1::int) AS n
        """,
        LEARNERS,
        timeout=3600,
    )
    await connection.execute(
        f"""
        INSERT INTO import_in_force SELECT {_UAI}, 1, $1, 2025, 'siecle', $1
        FROM generate_series(0, {SCHOOLS - 1}) AS n;
        """,
        NOW,
    )
    await connection.execute(
        "INSERT INTO participation SELECT uai, true, 1, changed_at FROM import_in_force"
    )
    await connection.execute("VACUUM ANALYZE", timeout=3600)


def _digest(letter: str, number: int) -> bytes:
    return md5(f"{letter}{number}".encode(), usedforsecurity=False).digest()


def _uai(number: int) -> Uai:
    digits = 1_000_000 + number % SCHOOLS
    return Uai(f"{digits:07d}{KEY_LETTERS[digits % 23]}")


def _event(number: int, *, comes: bool) -> PupilEvent:
    """Learner `number` leaves his school; or he, who has left, comes to the next one."""
    kind = PupilCreated if comes else PupilDeactivated
    keys = MatchKeys(
        ine_key=_digest("i", number),
        birth_key=_digest("b", number),
        family_keys=(_digest("f", number),),
        first_keys=(_digest("g", number),),
    )
    return kind(
        pupil_id=uuid4() if comes else UUID(bytes=_digest("p", number)),
        version=1 if comes else 2,
        stay=1,
        uai=_uai(number + 1 if comes else number),
        active=comes,
        since=NOW,
        activated=NOW if comes else BEFORE,
        source="siecle",
        has_birth_date=True,
        keys=(keys,),
        key_version=1,
    )


def _batch(dice: random.Random) -> list[PupilEvent]:
    coming = dice.sample(range(GONE_ONE_IN, LEARNERS + 1, GONE_ONE_IN), BATCH // 2)
    leaving = dice.sample(range(1, LEARNERS + 1, GONE_ONE_IN), BATCH // 2)
    return [_event(n, comes=True) for n in coming] + [_event(n, comes=False) for n in leaving]


async def _measure(database: Database, dice: random.Random) -> tuple[float, float, float]:
    events = _batch(dice)
    begun = time.perf_counter()
    async with database.transaction() as transaction:
        await handle(transaction, Batch(events))
        opened = len(transaction.events)
    handled = time.perf_counter() - begun
    if opened < BATCH // 4:  # a small base has fewer: some have come in an earlier round
        raise RuntimeError(f"only {opened} transfers were opened: the base is not as it should be")
    keys = [key.ine_key for event in events for key in event.keys]
    return await _matched(database, keys), handled, await _singly(database, keys)


async def _matched(database: Database, keys: Sequence[bytes]) -> float:
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        begun = time.perf_counter()
        await matching.decisions(transaction.connection, keys)
        return time.perf_counter() - begun


async def _singly(database: Database, keys: Sequence[bytes]) -> float:
    begun = time.perf_counter()
    for key in keys:
        async with database.transaction() as transaction:
            await single_file(transaction.connection)
            await matching.decisions(transaction.connection, [key])
    return time.perf_counter() - begun


async def figures(console: Console) -> Figures:
    """Fill a base of its own and measure."""
    with tempfile.TemporaryDirectory() as folder, running_servers(Path(folder)) as servers:
        name = f"bench_{secrets.token_hex(4)}"
        url = await create_database(servers, name)
        await migrate(url, service.migration_folders)
        database = await Database.open(url, 2)
        try:
            with console.status(f"{LEARNERS:,} learners are entered"):
                async with database.connection() as connection:
                    await _fill(connection)
            dice = random.Random(1)
            rounds = [await _measure(database, dice) for _ in range(ROUNDS + 1)][1:]
        finally:
            await database.close()
            await drop_database(servers, name)
    return Figures(*(statistics.median(column) * 1000 for column in zip(*rounds, strict=True)))


def match_figures(console: Console) -> Figures:
    """Measure, and tell the three figures."""
    found = asyncio.run(figures(console))
    console.print(
        f"{LEARNERS:,} learners, a batch of {BATCH}: matched in {found.matched:.0f} ms, "
        f"its whole transaction {found.handled:.0f} ms, one at a time {found.singly:.0f} ms"
    )
    return found
