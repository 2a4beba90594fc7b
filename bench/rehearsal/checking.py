"""What must hold when all is over, asked of the databases and of the broker."""

from collections.abc import Mapping, Sequence

import asyncpg
import httpx

from bench.rehearsal.nation import RECORDS, Nation
from deploy.local.client import eventually
from services.transfer.reconcile import reconcile
from shared.database import Database

Pools = Mapping[str, "asyncpg.Pool[asyncpg.Record]"]

FOUND = "cpro_reconcile_found_total "

_MOVED = """
SELECT count(*) FROM transfer WHERE state = 'closed' AND (counts ->> 'bilan')::int = 2
    AND (counts ->> 'fiche')::int = 2 AND (counts ->> 'evaluation')::int = 1
"""
_TWICE = """
SELECT count(*) FROM (SELECT origin_pupil FROM transfer GROUP BY 1 HAVING count(*) > 1
    UNION ALL SELECT destination_pupil FROM transfer GROUP BY 1 HAVING count(*) > 1) AS twice
"""
_AT_ORIGIN = """
SELECT count(*) FROM record r JOIN learner l USING (pupil_id) WHERE l.uai = r.origin_uai
"""


async def settled(pools: Pools, nation: Nation, api_url: str | None, patience: float) -> None:
    """Return when the last transfer is closed and nothing is on its way."""

    async def probe() -> bool:
        closed = await _number(
            pools["transfer"], "SELECT count(*) FROM transfer WHERE state = 'closed'"
        )
        on_its_way = await _waiting(pools) or await _queued(api_url)
        return closed >= nation.movers and not on_its_way

    await eventually(probe, "the last transfer to be closed", seconds=patience, every=0.5)


async def _number(pool: "asyncpg.Pool[asyncpg.Record]", question: str) -> int:
    found: int = await pool.fetchval(question, timeout=600)
    return found


async def _waiting(pools: Pools) -> int:
    return sum([await _number(pool, "SELECT count(*) FROM outbox") for pool in pools.values()])


async def violations(pools: Pools, nation: Nation, api_url: str | None) -> Sequence[str]:
    """What does not hold, in words; nothing if all is well."""
    transfer, dossier = pools["transfer"], pools["dossier"]
    records = nation.movers * RECORDS
    expected = {
        "transfers": (await _number(transfer, "SELECT count(*) FROM transfer"), nation.movers),
        "closed, with all records": (await _number(transfer, _MOVED), nation.movers),
        "learners with two transfers": (await _number(transfer, _TWICE), 0),
        "records": (await _number(dossier, "SELECT count(*) FROM record"), records),
        "records still at the origin": (await _number(dossier, _AT_ORIGIN), 0),
        "events in outboxes": (await _waiting(pools), 0),
        "parked events": (await _parked(pools), 0),
        "messages in queues": (await _queued(api_url), 0),
    }
    return [
        f"{what}: {found:,} in the place of {wanted:,}"
        for what, (found, wanted) in expected.items()
        if found != wanted
    ]


async def _parked(pools: Pools) -> int:
    return sum([await _number(pool, "SELECT count(*) FROM parked") for pool in pools.values()])


async def _queued(api_url: str | None) -> int:
    """Messages in the queues of services that ran, and all dead letters."""
    if api_url is None:
        return 0
    async with httpx.AsyncClient() as http:
        queues = (await http.get(f"{api_url}/api/queues")).raise_for_status().json()
    return sum(queue.get("messages", 0) for queue in queues)


async def found_by_reconcile(url: str, service_url: str) -> int:
    """What the reconcile has found meanwhile, and finds now over all that has changed since."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{service_url}/metrics")).raise_for_status().text
    told = next(line for line in metrics.splitlines() if line.startswith(FOUND))
    meanwhile = int(float(told.removeprefix(FOUND)))
    database = await Database.open(url, 2)
    try:
        return meanwhile + await reconcile(database)
    finally:
        await database.close()
