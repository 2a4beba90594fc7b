"""How long a transfer takes from the commit of its second import to its closing: alone, and while
sixty learners leave or come each second.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence

import asyncpg

from bench.learners import moves
from deploy.local.client import eventually
from shared.database import Database

ALONE = 200
SUSTAINED = 900
EVENTS_A_SECOND = 60
MOVERS = ALONE + SUSTAINED
PATIENCE = 300.0
LIMITS = {"alone": 1.0, f"at {EVENTS_A_SECOND} events/s": 5.0}
"""Seconds, for the 99th percentile."""

_CLOSED = """
SELECT count(*) FROM transfer WHERE state = 'closed' AND origin_pupil = ANY($1::uuid[])
"""
_ANSWERED = """
SELECT origin_pupil, extract(epoch FROM answered_at)::float AS at FROM transfer
WHERE state = 'closed' AND origin_pupil = ANY($1::uuid[])
"""


async def latencies(
    siecle_import: Database, transfer: Database, movers: Sequence[int]
) -> dict[str, list[float]]:
    """Seconds of each transfer, under both loads."""
    alone = await _moved(siecle_import, transfer, movers[:ALONE], 0)
    every = 2 / EVENTS_A_SECOND
    sustained = await _moved(siecle_import, transfer, movers[ALONE:MOVERS], every)
    return dict(zip(LIMITS, (alone, sustained), strict=True))


async def _moved(
    siecle_import: Database, transfer: Database, movers: Sequence[int], every: float
) -> list[float]:
    """Have learners move one after the other, or one `every` so many seconds; their times."""
    committed = {}
    begun = time.monotonic()
    for count, number in enumerate(movers, 1):
        events = moves([number])
        async with siecle_import.transaction() as transaction:
            transaction.publish(events)
        committed[events[0].pupil_id] = time.time()
        if every:
            await asyncio.sleep(begun + count * every - time.monotonic())
        else:
            await _closed(transfer.pool, list(committed))
    await _closed(transfer.pool, list(committed))
    rows = await transfer.pool.fetch(_ANSWERED, list(committed))
    return [row["at"] - committed[row["origin_pupil"]] for row in rows]


async def _closed(pool: "asyncpg.Pool[asyncpg.Record]", pupils: Sequence[object]) -> None:
    """Return when the transfers of these learners are closed."""

    async def probe() -> bool:
        closed: int = await pool.fetchval(_CLOSED, pupils)
        return closed == len(pupils)

    await eventually(probe, "the transfers to be closed", seconds=PATIENCE)


def told(found: dict[str, list[float]]) -> Sequence[str]:
    """Median and 99th percentile under each load, and whether it is within its limit."""
    lines = []
    for load, seconds in found.items():
        p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
        held = "held" if p99 < LIMITS[load] else "NOT HELD"
        lines.append(
            f"commit to closing, {load}: median {statistics.median(seconds):.3f} s, "
            f"p99 {p99:.3f} s of {len(seconds)}; under {LIMITS[load]:g} s: {held}"
        )
    return lines
