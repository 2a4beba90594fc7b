"""Matching in a table of national size: a batch of 500 events, beside one event at a time.

The base is made of whole numbers: 5.6 million learners of 11,000 schools, one INE each, one in
twenty gone. A batch holds learners who leave and learners who come, half of each; their partners
are spread over the whole base.
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bench import system
from bench.learners import GONE_ONE_IN, comes, fill, leaves
from bench.results import Result
from deploy.local.servers import Servers
from services.transfer import matching
from services.transfer.__main__ import service
from services.transfer.handlers import handle
from services.transfer.store import single_file
from shared.database import Database
from shared.events import PupilEvent
from shared.messaging.consumer import Batch

LEARNERS = int(os.environ.get("LEARNERS", "5600000"))
BATCH = 500
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds, medians: of the matching of a batch, of its whole transaction, and of the
    matching of the same learners one at a time.
    """

    matched: float
    handled: float
    singly: float


def _batch(dice: random.Random) -> list[PupilEvent]:
    coming = dice.sample(range(GONE_ONE_IN, LEARNERS + 1, GONE_ONE_IN), BATCH // 2)
    leaving = dice.sample(range(1, LEARNERS + 1, GONE_ONE_IN), BATCH // 2)
    return [*map(comes, coming), *map(leaves, leaving)]


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


async def _figures(running: Servers, console: Console) -> Figures:
    """Fill a base of its own and measure."""
    async with system.database(running, service.migration_folders) as database:
        with console.status(f"{LEARNERS:,} learners are entered"):
            async with database.connection() as connection:
                await fill(connection, LEARNERS)
        dice = random.Random(1)
        rounds = [await _measure(database, dice) for _ in range(ROUNDS + 1)][1:]
    return Figures(*(statistics.median(column) * 1000 for column in zip(*rounds, strict=True)))


def match(running: Servers, console: Console) -> Sequence[Result]:
    """Events a second that are matched in batches, and one at a time."""
    found = asyncio.run(_figures(running, console))
    console.print(
        f"{LEARNERS:,} learners, a batch of {BATCH}: matched in {found.matched:.0f} ms, "
        f"its whole transaction {found.handled:.0f} ms, one at a time {found.singly:.0f} ms"
    )
    return [Result("match", "events/s", BATCH / found.matched * 1000, BATCH / found.singly * 1000)]
