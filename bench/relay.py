"""Draining an outbox into the broker, beside one row, one awaited publish, one transaction."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import aio_pika
import uvloop
from aio_pika.abc import AbstractExchange
from rich.console import Console

from bench import alone, system
from bench.learners import changes
from bench.results import Result
from bench.turns import in_turn
from deploy.local.servers import Servers
from shared.database import KERNEL_MIGRATIONS, Database
from shared.envelope import CONTENT_TYPE
from shared.messaging import topology
from shared.messaging.relay import Relay, remove

EVENTS = 20_000
NAIVE_EVENTS = 400
ALONE_EVENTS = 4_000

Drain = Callable[[AbstractExchange, Database], Awaitable[None]]


async def _packed(exchange: AbstractExchange, database: Database) -> None:
    relay = Relay("bench", database, "")
    while await relay.relay_once(exchange):
        pass


async def _singly(exchange: AbstractExchange, database: Database) -> None:
    while True:
        async with database.transaction() as transaction:
            row = await transaction.connection.fetchrow(
                "SELECT id, routing_key, envelope FROM outbox ORDER BY id LIMIT 1 FOR UPDATE"
            )
            if row is None:
                return
            message = aio_pika.Message(
                row["envelope"].encode(),
                content_type=CONTENT_TYPE,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(message, row["routing_key"])
            await remove(transaction.connection, [row["id"]])


async def _drained(
    exchange: AbstractExchange, database: Database, drain: Drain, events: int
) -> float:
    """Events a second out of an outbox that holds so many."""
    async with database.transaction() as transaction:
        transaction.publish(changes(number, 2) for number in range(events))
    begun = time.perf_counter()
    await drain(exchange, database)
    return events / (time.perf_counter() - begun)


async def _alone(exchange: AbstractExchange) -> float:
    """Events a second that aio-pika publishes by themselves, of those in the same outbox."""
    envelopes = alone.bodies(changes(number, 2) for number in range(ALONE_EVENTS))
    begun = time.perf_counter()
    await alone.publish(exchange, envelopes)
    return ALONE_EVENTS / (time.perf_counter() - begun)


async def relay_rates(database: Database, amqp_url: str) -> Sequence[float]:
    """Median events a second of the relay, of the naive one, and of aio-pika alone."""
    async with topology.connect(amqp_url, "bench", "publish") as connection:
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
        return await in_turn(
            partial(_drained, exchange, database, _packed, EVENTS),
            partial(_drained, exchange, database, _singly, NAIVE_EVENTS),
            partial(_alone, exchange),
        )


async def _rates(running: Servers) -> Sequence[float]:
    async with (
        system.database(running, [KERNEL_MIGRATIONS]) as database,
        system.vhost(running) as amqp_url,
    ):
        return await relay_rates(database, amqp_url)


def relay(running: Servers, _: Console) -> Sequence[Result]:
    """Events a second from the outbox to the broker."""
    limit_is = "aio-pika alone publishes one event a message, confirmed alike, as many in flight"
    return [Result.of("relay", "events/s", uvloop.run(_rates(running)), limit_is)]
