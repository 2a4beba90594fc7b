"""What aio-pika alone does: one event a message, no database, nothing decoded.

`python -m bench.alone AMQP_URL COUNT QUEUE...` is a process that takes so many messages.
"""

import asyncio
import datetime as dt
import sys
from collections.abc import Callable, Iterable, Sequence

import aio_pika
import uvloop
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage

from shared.envelope import CONTENT_TYPE, encode
from shared.events import Event
from shared.messaging import topology
from shared.messaging.relay import PASS_ROWS

ACKNOWLEDGED_AT_ONCE = 100
PREFETCH = 1_000
_NOW = dt.datetime(2026, 1, 13, tzinfo=dt.UTC)

Body = tuple[str, bytes]
"""An event as it travels: its type and its envelope."""


def bodies(events: Iterable[Event]) -> Sequence[Body]:
    """Envelopes of events, as the outbox would hold them."""
    return [(event.type, encode(event, None, _NOW)[1].encode()) for event in events]


async def publish(exchange: AbstractExchange, envelopes: Sequence[Body]) -> None:
    """Publish each by itself, confirmed as the relay has it; as many at once as the relay takes."""
    for first in range(0, len(envelopes), PASS_ROWS):
        await asyncio.gather(
            *(
                exchange.publish(_message(body), kind, mandatory=True)
                for kind, body in envelopes[first : first + PASS_ROWS]
            )
        )


def _message(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body, content_type=CONTENT_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )


def _nothing() -> None:
    """Nobody waits for the consumers to be there."""


async def take(
    channel: AbstractChannel,
    queues: Iterable[str],
    count: int,
    ready: Callable[[], None] = _nothing,
) -> None:
    """Take so many messages in all, acknowledged a hundred at once."""
    await channel.set_qos(prefetch_count=PREFETCH)
    taken, all_taken = 0, asyncio.Event()

    async def on_message(message: AbstractIncomingMessage) -> None:
        nonlocal taken
        taken += 1
        if taken % ACKNOWLEDGED_AT_ONCE == 0 or taken == count:
            await message.ack(multiple=True)
        if taken == count:
            all_taken.set()

    for name in queues:
        queue = await channel.get_queue(name)
        await queue.consume(on_message)
    ready()
    await all_taken.wait()


async def _take(url: str, count: str, *queues: str) -> None:
    async with (
        topology.connect(url, "bench", "consume") as connection,
        connection.channel() as channel,
    ):
        await take(channel, queues, int(count), lambda: print("ready", flush=True))


if __name__ == "__main__":
    uvloop.run(_take(*sys.argv[1:]))
