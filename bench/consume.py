"""Taking events into `transfer`, beside a transaction and an acknowledgement a message."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg
import uvloop
from aio_pika.abc import AbstractChannel
from rich.console import Console

from bench import alone, naive, system
from bench.learners import changes, fill
from bench.naive import broker, transfer
from bench.results import Result
from bench.turns import in_turn
from deploy.local.servers import Servers
from services.transfer.__main__ import service
from shared.database import Database, Transaction
from shared.messaging import topology
from shared.messaging.consumer import Batch, Consumer
from shared.messaging.relay import Relay

LEARNERS = 10_000
NAIVE_EVENTS = 400


class _Ours:
    """The consumer of `transfer`, which takes what the relay has packed into its queue."""

    def __init__(self, database: Database, amqp_url: str, channel: AbstractChannel) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._channel = channel
        self._version = 1

    async def rate(self) -> float:
        """Events a second: each learner has changed, and nobody has left."""
        self._version += 1
        async with self._database.transaction() as transaction:
            transaction.publish(changes(n, self._version) for n in range(1, LEARNERS + 1))
        exchange = await self._channel.get_exchange(topology.EXCHANGE, ensure=False)
        relay = Relay("bench", self._database, "")
        while await relay.relay_once(exchange):
            pass
        left, stop = LEARNERS, asyncio.Event()

        async def handle(transaction: Transaction, batch: Batch) -> None:
            nonlocal left
            if service.handle is not None:
                await service.handle(transaction, batch)
            left -= len(batch.events)
            if not left:
                stop.set()

        begun = time.perf_counter()
        await Consumer("transfer", self._database, self._amqp_url, handle).run(stop)
        return LEARNERS / (time.perf_counter() - begun)


async def _naive(pool: "asyncpg.Pool[Any]", amqp_url: str) -> float:
    """Events a second of the naive consumer, from its own queue into its own table."""
    done = asyncio.Event()
    left = NAIVE_EVENTS

    async def handle(connection: Any, kind: str, event: broker.Event) -> broker.Told:
        nonlocal left
        told = await transfer.handle(connection, kind, event)
        left -= 1
        if not left:
            done.set()
        return told

    async with broker.opened(amqp_url) as channel:
        queue = await broker.declare(channel, "naive.transfer", ["pupil.updated"])
        exchange = await broker.exchange_of(channel)
        for number in range(NAIVE_EVENTS):
            event = changes(number, 2).model_dump(mode="json", exclude={"keys"})
            event |= {"ine": f"{number:011d}", "birth_date": "2009-03-14"}
            await exchange.publish(broker.message(event), "pupil.updated")
        begun = time.perf_counter()
        consuming = asyncio.create_task(broker.consume(channel, queue, pool, handle))
        await done.wait()
        taken = time.perf_counter() - begun
        consuming.cancel()
    return NAIVE_EVENTS / taken


async def _alone(channel: AbstractChannel, amqp_url: str) -> float:
    """Messages a second that aio-pika takes, from the queue of `transfer`."""
    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
    await alone.publish(exchange, alone.bodies(changes(n, 2) for n in range(LEARNERS)))
    begun = time.perf_counter()
    async with topology.connect(amqp_url, "bench", "consume") as connection:
        await alone.take(await connection.channel(), [topology.queue_of("transfer")], LEARNERS)
    return LEARNERS / (time.perf_counter() - begun)


async def _rates(running: Servers) -> Sequence[float]:
    async with (
        system.database(running, service.migration_folders) as database,
        system.database_url(running) as naive_url,
        system.vhost(running) as amqp_url,
        topology.connect(amqp_url, "bench", "publish") as connection,
        asyncpg.create_pool(naive_url) as pool,
    ):
        await pool.execute(naive.TABLES)
        async with database.connection() as filling:
            await fill(filling, LEARNERS)
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        ours = _Ours(database, amqp_url, channel)
        ways = (ours.rate, partial(_naive, pool, amqp_url), partial(_alone, channel, amqp_url))
        return await in_turn(*ways)


def consume(running: Servers, _: Console) -> Sequence[Result]:
    """Events a second from the queue of `transfer` into its tables."""
    limit_is = "aio-pika alone takes one event a message, a hundred acknowledged at once"
    return [Result.of("consume", "events/s", uvloop.run(_rates(running)), limit_is)]
