"""Events one a message: each publish awaited until the broker confirms it, each message handled in
a transaction of its own and acknowledged by itself.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

EXCHANGE = "naive"
PREFETCH = 20

Event = dict[str, Any]
Pool = asyncpg.Pool
Publish = Callable[[Any, str, Event], Awaitable[None]]
"""Tells an event of a type, within the transaction of a connection."""
Told = Sequence[tuple[str, Event]]
Handle = Callable[[Any, str, Event], Awaitable[Told]]
"""What a service does with one event in a transaction; the events that it tells of it."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel that confirms what is published."""
    async with await aio_pika.connect_robust(url) as connection, connection.channel() as channel:
        await channel.set_qos(prefetch_count=PREFETCH)
        yield channel


async def exchange_of(channel: AbstractChannel) -> AbstractExchange:
    """The one exchange of all events."""
    return await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)


def publisher(exchange: AbstractExchange) -> Publish:
    """Publishes to an exchange, and waits for the confirmation."""

    async def publish(_: Any, kind: str, event: Event) -> None:
        await exchange.publish(message(event), kind)

    return publish


def message(event: Event) -> aio_pika.Message:
    """An event as it travels."""
    return aio_pika.Message(
        json.dumps(event, default=str).encode(),
        message_id=str(uuid4()),
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


async def declare(channel: AbstractChannel, name: str, kinds: Sequence[str]) -> AbstractQueue:
    """The queue `name`, which gets the events of these types."""
    exchange = await exchange_of(channel)
    queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
    for kind in kinds:
        await queue.bind(exchange, kind)
    return queue


async def consume(
    channel: AbstractChannel, queue: AbstractQueue, pool: "Pool[Any]", handle: Handle
) -> None:
    """Handle the events of a queue as long as the channel is open."""
    publish = publisher(await exchange_of(channel))
    async with queue.iterator() as messages:
        async for received in messages:
            async with pool.acquire() as connection, connection.transaction():
                if await _is_new(connection, UUID(received.message_id)):
                    event = json.loads(received.body)
                    for kind, told in await handle(connection, received.routing_key or "", event):
                        await publish(connection, kind, told)
            await received.ack()


async def _is_new(connection: Any, event_id: UUID) -> bool:
    status: str = await connection.execute(
        "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING", event_id
    )
    return status == "INSERT 0 1"
