"""The whole chain: from the commit of imports in which learners leave and come to the last of
their transfers closed.

Both ways run as processes of their own, on the same servers: our services as they are, and the
naive ones. What is counted is every event of a transfer: the learner leaves, comes, the request,
the answer, the closing. Five records move with each.
"""

import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg
import uvloop
from rich.console import Console

from bench import alone, latency, naive, system
from bench.export import export_of
from bench.learners import GONE_ONE_IN, RECORDS, fill, fill_records, moves
from bench.naive import importing as naive_importing
from bench.naive.reading import read as naive_read
from bench.results import Result
from bench.turns import ROUNDS, in_turn
from deploy.local import ROOT
from deploy.local.client import eventually
from deploy.local.servers import Servers
from deploy.local.stack import Stack, running_stack
from shared.database import Database
from shared.events import (
    DossierTransferred,
    Event,
    Side,
    TransferClosed,
    TransferRequested,
    heard_by,
)
from shared.identifiers import Uai
from shared.messaging import topology

MOVERS = 5_000
NAIVE_MOVERS = 200
ALONE_MOVERS = 2_000
EVENTS = 5
"""Of each transfer."""
CHAIN = ("siecle_import", "transfer", "dossier")
A, B = "9990001X", "9990002Y"
PATIENCE = 300.0

_LEARNERS = (MOVERS * ROUNDS + latency.MOVERS) * GONE_ONE_IN // (GONE_ONE_IN - 1) + GONE_ONE_IN


@dataclass
class _Ours:
    """Our services, with a base in which nobody has moved yet."""

    siecle_import: Database
    transfer: Database
    moved: int = 0
    present: Sequence[int] = field(
        default_factory=lambda: [n for n in range(1, _LEARNERS) if n % GONE_ONE_IN]
    )

    def next(self, count: int) -> Sequence[int]:
        """Learners who have not moved yet."""
        self.moved += count
        return self.present[self.moved - count : self.moved]

    async def rate(self) -> float:
        """Events a second."""
        movers = self.next(MOVERS)
        async with self.siecle_import.transaction() as transaction:
            transaction.publish(moves(movers))
        begun = time.perf_counter()
        await _closed(self.transfer.pool, self.moved)
        return EVENTS * MOVERS / (time.perf_counter() - begun)


async def _closed(pool: "asyncpg.Pool[asyncpg.Record]", count: int) -> None:
    """Return when so many transfers are closed."""

    async def probe() -> bool:
        closed: int = await pool.fetchval("SELECT count(*) FROM transfer WHERE state = 'closed'")
        return closed == count

    # Asked rarely: counting them takes processor time from those who close them.
    await eventually(probe, f"{count} transfers to be closed", seconds=PATIENCE, every=0.1)


@asynccontextmanager
async def _ours(stack: Stack) -> AsyncIterator[_Ours]:
    async with AsyncExitStack() as opened:
        databases = []
        for name in CHAIN:
            url = stack.databases[name]
            databases.append(await Database.open(url, 2))
            opened.push_async_callback(databases[-1].close)
        siecle_import, transfer, dossier = databases
        async with transfer.connection() as connection:
            await fill(connection, _LEARNERS)
        async with dossier.connection() as connection:
            await fill_records(connection, _LEARNERS)
        yield _Ours(siecle_import, transfer)


async def _naive(stack: Stack, folder: Path) -> float:
    """Events a second of the naive services, on databases of their own."""
    async with AsyncExitStack() as opened:
        amqp_url = await opened.enter_async_context(system.vhost(stack.servers))
        urls, pools = [], []
        for _ in naive.ROLES:
            urls.append(await opened.enter_async_context(system.database_url(stack.servers)))
            pools.append(await opened.enter_async_context(asyncpg.create_pool(urls[-1])))
            await pools[-1].execute(naive.TABLES)
        await _fill_naively(*pools)
        files = [str(folder / "A.xml"), str(folder / "B.xml")]
        arguments = [[A, files[0], B, files[1]], [], []]
        processes = [
            await opened.enter_async_context(_process(role, url, amqp_url, *more))
            for role, url, more in zip(naive.ROLES, urls, arguments, strict=True)
        ]
        begun = time.perf_counter()
        importer = processes[0].stdin
        if importer is not None:
            importer.write(b"\n")
        await _closed(pools[1], NAIVE_MOVERS)
        return EVENTS * NAIVE_MOVERS / (time.perf_counter() - begun)


@asynccontextmanager
async def _process(role: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A naive service, once it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.naive", role, *arguments, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the naive {role} does not start")
        yield process
    finally:
        process.kill()
        await process.wait()


async def _fill_naively(*pools: "asyncpg.Pool[asyncpg.Record]") -> None:
    """The base of the naive services: A has all learners, who are to come to B."""
    learners = [(uuid4(), fields) for fields in naive_read(io.BytesIO(export_of(NAIVE_MOVERS)))]
    siecle_import, transfer, dossier = pools
    day = naive_importing.day
    await siecle_import.copy_records_to_table(
        "pupil",
        columns=["id", "uai", "eleve_id", "family_name", "first_name", "birth_date", "ine",
                 "active", "version"],
        records=[
            (i, A, f["ELEVE_ID"], f["NOM_DE_FAMILLE"], f["PRENOM"], day(f["DATE_NAISS"]),
             f["ID_NATIONAL"], True, 1)
            for i, f in learners
        ],
    )  # fmt: skip
    await transfer.copy_records_to_table(
        "presence",
        records=[(i, A, 1, True, f["ID_NATIONAL"], day(f["DATE_NAISS"])) for i, f in learners],
    )
    await dossier.copy_records_to_table(
        "record",
        records=[
            (uuid4(), i, "bilan", f"Bilan {r}", json.dumps({"texte": "Compétence acquise. " * 20}))
            for i, _ in learners
            for r in range(RECORDS)
        ],
    )


def _events(movers: Sequence[int]) -> list[Event]:
    """All events of the transfers of these learners."""
    events: list[Event] = [*moves(movers)]
    for _ in movers:
        transfer_id, origin, destination = uuid4(), _side(A), _side(B)
        events += [
            TransferRequested(
                transfer_id=transfer_id, origin=origin, origin_stay=1, destination=destination
            ),
            DossierTransferred(transfer_id=transfer_id, counts={"bilan": RECORDS}),
            TransferClosed(
                transfer_id=transfer_id, origin=origin, destination=destination,
                counts={"bilan": RECORDS},
            ),
        ]  # fmt: skip
    return events


def _side(uai: str) -> Side:
    return Side(uai=Uai(uai), pupil_id=uuid4())


async def _alone(servers: Servers) -> float:
    """Events a second that aio-pika passes from one process to another through the same queues."""
    envelopes = alone.bodies(_events(range(ALONE_MOVERS)))
    taken = sum(1 for kind, _ in envelopes for name in CHAIN if kind in heard_by(name))
    async with (
        system.vhost(servers) as amqp_url,
        topology.connect(amqp_url, "bench", "publish") as connection,
    ):
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.alone", amqp_url, str(taken),
            *map(topology.queue_of, CHAIN), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        if process.stdout:
            await process.stdout.readline()
        begun = time.perf_counter()
        await alone.publish(exchange, envelopes)
        await process.wait()
        return len(envelopes) / (time.perf_counter() - begun)


async def _rates(stack: Stack, folder: Path, console: Console) -> Sequence[float]:
    (folder / "A.xml").write_bytes(export_of(0))
    (folder / "B.xml").write_bytes(export_of(NAIVE_MOVERS))
    async with _ours(stack) as ours:
        ways = (ours.rate, partial(_naive, stack, folder), partial(_alone, stack.servers))
        movers = ours.next(latency.MOVERS)
        found = await latency.latencies(ours.siecle_import, ours.transfer, movers)
        for line in latency.told(found):
            console.print(line)
        return await in_turn(*ways)


def chain(_: Servers, console: Console) -> Sequence[Result]:
    """Events a second from the commit of imports to the last transfer closed."""
    limit_is = "aio-pika alone passes one event a message through the same queues, no database"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder, "stack"), fresh=True, services=CHAIN) as stack,
    ):
        rates = uvloop.run(_rates(stack, Path(folder), console))
        return [Result.of("chain", "events/s", rates, limit_is)]
