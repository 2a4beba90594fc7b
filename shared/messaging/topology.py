"""The broker's side: one topic exchange, one quorum queue a listening service, dead letters.

Derived from the event catalogue and declared whole by every service at its start, so that what is
published has its queues even when a listener has never run. The arguments of a queue can't be
changed once it exists: another set of arguments needs another queue name.
"""

from typing import Any

import aio_pika
from aio_pika.abc import AbstractRobustConnection

from shared.events import CATALOGUE, heard_by
from shared.telemetry import BROKER_CONNECTED

EXCHANGE = "cpro.events"
DEAD_LETTERS = "cpro.dead"
HEARTBEAT_SECONDS = 20
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


async def connect(url: str, service: str, role: str) -> AbstractRobustConnection:
    """A connection that comes back by itself; waits for the broker as long as it takes.

    Publishing (`role` "publish") and consuming ("consume") need one each: an alarm of the broker
    blocks a connection that publishes, with all that it consumes.
    """
    connected = BROKER_CONNECTED.labels(role)
    connected.set(0)
    connection = await aio_pika.connect_robust(
        url,
        heartbeat=HEARTBEAT_SECONDS,
        reconnect_interval=1,
        fail_fast="0",
        name=f"{service} {role}",
    )
    connected.set(1)
    connection.reconnect_callbacks.add(lambda *_: connected.set(1))
    connection.close_callbacks.add(lambda *_: connected.set(0))
    return connection


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
