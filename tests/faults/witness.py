"""Counts effects: beside what a service's handler does with an event, in the same transaction, the
event's id is written to a table that refuses nothing. Handlers forgive much (they keep states, not
changes), so that a second effect would hardly show in their own tables.

It stands between the consumer and the handler, where an inbox that is ignored can't hide.
"""

from collections.abc import MutableMapping
from uuid import UUID

from shared.database import Database, Transaction
from shared.envelope import Received, decode
from shared.messaging import consumer
from shared.messaging.consumer import Batch, Consumer, Handle

TABLE = "CREATE TABLE effect (event_id uuid NOT NULL)"
_ENTER = "INSERT INTO effect SELECT unnest($1::uuid[])"


def install() -> None:
    """Have this process write what its handler is given, be it at once or after it was parked."""
    make = Consumer.__init__
    # A batch holds events without their ids: the very object that was decoded tells its id. What
    # was decoded is kept, so that no other event takes its place in memory.
    decoded: MutableMapping[int, Received] = {}

    def remember(envelope: object) -> Received:
        received = decode(envelope)
        decoded[id(received.event)] = received
        return received

    def watched(
        self: Consumer, service: str, database: Database, amqp_url: str, handle: Handle
    ) -> None:
        async def count(transaction: Transaction, batch: Batch) -> None:
            ids: list[UUID] = [decoded[id(event)].id for event in batch.events]
            await transaction.connection.execute(_ENTER, ids)
            await handle(transaction, batch)

        make(self, service, database, amqp_url, count)

    setattr(consumer, "decode", remember)  # noqa: B010 - mypy refuses to assign to a function
    setattr(Consumer, "__init__", watched)  # noqa: B010
