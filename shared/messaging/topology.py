"""The broker's side: one topic exchange, one quorum queue a listening service, dead letters.

Derived from the event catalogue and declared whole by every service at its start, so that what is
published has its queues even when a listener has never run. The arguments of a queue can't be
changed once it exists: another set of arguments needs another queue name.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractRobustConnection
from aio_pika.connection import make_url

from shared.clock import until
from shared.events import CATALOGUE, heard_by
from shared.telemetry import BROKER_CONNECTED

EXCHANGE = "cpro.events"
DEAD_LETTERS = "cpro.dead"
_LASTING: dict[str, Any] = {"heartbeat": 20, "reconnect_interval": 1, "fail_fast": "0"}
"""Seconds between heartbeats and between tries to come back; the first failure ends nothing."""

DELIVERY_LIMIT = 50
"""Deliveries before a message is a dead letter. Failures are parked: only what kills the process
gets there. A crash counts against all messages that the process had in hand, hence so many."""


_QUORUM = {"x-queue-type": "quorum"}


def queue_of(service: str) -> str:
    """The queue in which events wait for `service`."""
    return f"{service}.events"


def dead_letters_of(service: str) -> str:
    """The queue that keeps what `service` could not even park."""
    return f"{service}.dead"


@asynccontextmanager
async def connect(
    url: str, service: str, role: str, stop: asyncio.Event | None = None
) -> AsyncIterator[AbstractRobustConnection]:
    """A connection that comes back by itself; waits for the broker as long as it takes, or until
    `stop` is set: it may be gone then.

    Publishing (`role` "publish") and consuming ("consume") need one each: an alarm of the broker
    blocks a connection that publishes, with all that it consumes.
    """
    address = make_url(url, name=f"{service} {role}", **_LASTING)
    async with aio_pika.RobustConnection(address) as found:
        BROKER_CONNECTED.labels(role).set_function(found.connected.is_set)
        opened = asyncio.ensure_future(found.connect())
        await until(stop or asyncio.Event(), opened)
        opened.cancel()
        yield found


async def declare(connection: AbstractRobustConnection) -> None:
    """Declare exchanges, queues and bindings; nothing changes where they exist.

    Done on a channel of its own: an error closes the channel for everyone on it.
    """
    async with connection.channel() as channel:
        events = await channel.declare_exchange(
            EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True, robust=False
        )
        dead = await channel.declare_exchange(
            DEAD_LETTERS, aio_pika.ExchangeType.DIRECT, durable=True, robust=False
        )
        for service in sorted({name for event in CATALOGUE.values() for name in event.listeners}):
            letters = await channel.declare_queue(
                dead_letters_of(service), durable=True, arguments=dict(_QUORUM), robust=False
            )
            await letters.bind(dead, robust=False)
            queue = await channel.declare_queue(
                queue_of(service), durable=True, arguments=_arguments(service), robust=False
            )
            for kind in heard_by(service):
                await queue.bind(events, kind, robust=False)


def _arguments(service: str) -> dict[str, Any]:
    return {
        **_QUORUM,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-routing-key": dead_letters_of(service),
        # A dead letter leaves only when its queue has it; that needs reject-publish.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
