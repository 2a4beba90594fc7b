"""Counts effects: beside what a service does with an event, in the same transaction, the event's id
is written to a table that refuses nothing. Handlers forgive much (they keep states, not changes),
so that a second effect would hardly show in their own tables.
"""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.database import Connection, Transaction
from shared.envelope import Received
from shared.messaging import consumer, parked

TABLE = "CREATE TABLE effect (event_id uuid NOT NULL)"
_ENTER = "INSERT INTO effect SELECT unnest($1::uuid[])"


def install() -> None:
    """Have this process write what it handles, be it at once or after it was parked."""
    not_seen, take = consumer._not_seen, parked.take

    async def count_new(transaction: Transaction, events: Sequence[Received]) -> list[Received]:
        new = await not_seen(transaction, events)
        await transaction.connection.execute(_ENTER, [received.id for received in new])
        return new

    async def count_parked(connection: Connection, event_id: UUID) -> Record | None:
        row = await take(connection, event_id)
        if row is not None:
            await connection.execute(_ENTER, [event_id])
        return row

    setattr(consumer, "_not_seen", count_new)  # noqa: B010 - mypy refuses to assign to a function
    setattr(parked, "take", count_parked)  # noqa: B010
