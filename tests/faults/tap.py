"""A queue beside those of the services, which gets every event: what was told, and to whom."""

import asyncio
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from deploy.local.client import eventually
from shared.envelope import CONTENT_TYPE, Received, decode, unpack
from shared.events import heard_by
from shared.messaging import topology
from shared.messaging.consumer import LOST

QUEUE = "faults.tap"
CONNECT_SECONDS = 10
SHUFFLE_SECONDS = 90
OLDER = 60
"""Events, of those that were delivered long ago, that come once more in a shuffle."""


@dataclass
class Tap:
    """All events of one virtual host, by their ids; `url` is that of the broker itself."""

    url: str
    events: dict[UUID, Received] = field(default_factory=dict)

    async def open(self) -> None:
        """Declare what every service declares, and the queue."""
        async with await aio_pika.connect_robust(self.url) as lasting:
            await topology.declare(lasting)
        async with await self._connection() as connection, connection.channel() as channel:
            queue = await channel.declare_queue(
                QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
            )
            await queue.bind(topology.EXCHANGE, "#")

    async def drain(self) -> None:
        """Take in what has been told since the last time."""
        async with await self._connection() as connection, connection.channel() as channel:
            for message in await _waiting(channel, QUEUE):
                for received in map(decode, _envelopes(message)):
                    self.events[received.id] = received
                await message.ack()

    async def left(self, queues: Iterable[str]) -> dict[str, int]:
        """The queues that hold messages, and how many."""
        async with await self._connection() as connection, connection.channel() as channel:
            found = {name: await _length(channel, name) for name in queues}
        return {name: number for name, number in found.items() if number}

    async def shuffle(self, service: str, dice: random.Random) -> int:
        """Put what waits for a service, which must not run, in another order, event by event, and
        each once or twice, with older events among them; how many are there then. Where the broker
        goes away meanwhile it is done once more: what was put back then is there twice.
        """

        async def done() -> tuple[int] | None:
            try:
                return (await self._shuffle(service, dice),)
            except LOST:
                return None

        [number] = await eventually(
            done, "a broker to shuffle in", seconds=SHUFFLE_SECONDS, every=0.5
        )
        return number

    async def _shuffle(self, service: str, dice: random.Random) -> int:
        await self.drain()
        kinds = heard_by(service)
        older = [e.envelope for e in self.events.values() if e.event.type in kinds]
        older = dice.sample(older, min(len(older), OLDER))
        async with await self._connection() as connection, connection.channel() as channel:
            name = topology.queue_of(service)
            waiting = await _waiting(channel, name)
            mixed = [envelope for message in waiting for envelope in _envelopes(message)]
            mixed += [*dice.sample(mixed, len(mixed) // 2), *older]
            dice.shuffle(mixed)
            for envelope in mixed:
                await channel.default_exchange.publish(_message(envelope), name)
            for message in waiting:  # only now that what stands for them is there
                await message.ack()
        return len(mixed)

    async def _connection(self) -> AbstractConnection:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await aio_pika.connect(self.url)


def _message(envelope: Any) -> aio_pika.Message:
    return aio_pika.Message(
        json.dumps(envelope).encode(),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


async def _waiting(channel: AbstractChannel, name: str) -> list[AbstractIncomingMessage]:
    """All messages of a queue; they go back to it unless they are acknowledged."""
    queue = await channel.get_queue(name, ensure=False)
    found = []
    while message := await queue.get(fail=False):
        found.append(message)
    return found


def _envelopes(message: AbstractIncomingMessage) -> Sequence[object]:
    return unpack(message.body, message.content_type)


async def _length(channel: AbstractChannel, name: str) -> int:
    queue = await channel.declare_queue(name, passive=True)
    return queue.declaration_result.message_count or 0
