"""Builds that are broken on purpose, each in one place of the kernel: the fault runs must notice.

As the kill points, they are made from outside, by replacing a function of a running service.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from shared.database import Transaction
from shared.envelope import Received
from shared.messaging import consumer, relay
from shared.messaging.consumer import Batch, Consumer
from shared.messaging.relay import Relay

SABOTAGE = "FAULTS_SABOTAGE"


def _acknowledge_before_the_commit() -> None:
    """The consumer acknowledges what it is given, then handles it."""
    handle = Consumer.process

    async def process(self: Consumer, messages: Sequence[AbstractIncomingMessage]) -> None:
        await Consumer._acknowledge(self, messages)
        vars(self)["_acknowledge"] = _nothing
        await handle(self, messages)

    setattr(Consumer, "process", process)  # noqa: B010 - mypy refuses to assign to a method


async def _nothing(_: Sequence[AbstractIncomingMessage]) -> None:
    """Acknowledge nothing a second time: the broker would close the channel."""


def _delete_before_the_confirm() -> None:
    """The relay takes rows out of the outbox for good, then publishes them."""

    async def relay_once(self: Relay, exchange: AbstractExchange) -> int:
        async with self._database.connection() as connection, connection.transaction():
            rows = await relay.take(connection)
            if rows:
                await relay.remove(connection, [row["id"] for row in rows])
        await asyncio.gather(*(self._publish(exchange, pack) for pack in relay.packs(rows)))
        return len(rows)

    setattr(Relay, "relay_once", relay_once)  # noqa: B010


def _handle_without_inbox() -> None:
    """The consumer enters events in the inbox, and handles those that were there as well."""
    enter = consumer._not_seen

    async def not_seen(transaction: Transaction, events: Sequence[Received]) -> Sequence[Received]:
        await enter(transaction, events)
        return events

    setattr(consumer, "_not_seen", not_seen)  # noqa: B010


def _handle_the_whole_batch() -> None:
    """The consumer hands its handler the whole delivery as soon as one event of it is new."""

    async def handle_once(self: Consumer, events: Sequence[Received]) -> None:
        async with self._database.transaction() as transaction:
            if await consumer._not_seen(transaction, events):
                await self._handle(transaction, Batch(received.event for received in events))

    setattr(Consumer, "_handle_once", handle_once)  # noqa: B010


BUILDS: Mapping[str, Callable[[], None]] = {
    "ack-before-commit": _acknowledge_before_the_commit,
    "delete-before-confirm": _delete_before_the_confirm,
    "no-inbox": _handle_without_inbox,
    "whole-batch": _handle_the_whole_batch,
}
