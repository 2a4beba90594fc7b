"""The outbox: events are written in the transaction that makes them true, and published after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

from shared.events import Event, encode
from shared.telemetry import current_traceparent

if TYPE_CHECKING:
    from shared.database import Connection

RELAY_ROWS = 2000


async def store(connection: Connection, events: Sequence[Event]) -> None:
    """Add envelopes of `events` to the outbox, in the order given, in one statement."""
    traceparent = current_traceparent()
    envelopes = [encode(event, traceparent) for event in events]
    await connection.execute(
        """
        INSERT INTO outbox (id, routing_key, envelope)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])
        """,
        [event_id for event_id, _ in envelopes],
        [event.type for event in events],
        [text for _, text in envelopes],
    )


async def take(connection: Connection) -> list[Record]:
    """Up to `RELAY_ROWS` rows (id, routing_key, envelope), locked until the transaction ends.

    Rows that another relay holds are passed over; there is no cursor, because rows become visible
    in another order than their ids were drawn.
    """
    return await connection.fetch(
        """
        SELECT id, routing_key, envelope FROM outbox
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        RELAY_ROWS,
    )


async def remove(connection: Connection, ids: Sequence[UUID]) -> None:
    """Forget rows that the broker has confirmed."""
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::uuid[])", ids)
