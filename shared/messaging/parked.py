"""Parked events: put aside with their error and tried again by themselves, later and later."""

from collections.abc import Collection
from uuid import UUID

from asyncpg import Record

from shared.database import Connection

TRIES = 12
"""Tries before a parked event waits for a person: with doubling pauses, more than an hour."""


async def park(connection: Connection, event_id: UUID, envelope: str, error: str) -> None:
    """Put an event aside; it counts as received, so that a second delivery is passed over."""
    await connection.execute(
        """
        WITH received AS (
            INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING
        )
        INSERT INTO parked (event_id, envelope, error, next_try)
        VALUES ($1, $2, $3, clock_timestamp() + interval '1 second')
        ON CONFLICT DO NOTHING
        """,
        event_id,
        envelope,
        error,
    )


async def take_due(connection: Connection) -> Record | None:
    """The parked event (event_id, envelope) whose next try is due, locked for this transaction."""
    return await connection.fetchrow(
        """
        SELECT event_id, envelope FROM parked WHERE next_try <= clock_timestamp()
        ORDER BY next_try LIMIT 1 FOR UPDATE SKIP LOCKED
        """
    )


async def failed_again(connection: Connection, event_id: UUID, error: str) -> None:
    """Note a further failure and when to try next, if ever."""
    await connection.execute(
        """
        UPDATE parked SET attempts = attempts + 1, error = $2,
            next_try = CASE WHEN attempts < $3
                THEN clock_timestamp() + interval '1 second' * (2 ^ attempts) END
        WHERE event_id = $1
        """,
        event_id,
        error,
        TRIES,
    )


async def discard(connection: Connection, event_id: UUID) -> None:
    """Forget a parked event, which was handled."""
    await connection.execute("DELETE FROM parked WHERE event_id = $1", event_id)


async def about(connection: Connection, subjects: Collection[str]) -> list[Record]:
    """The parked events whose envelope names one of these ids: event_id, error, attempts, next_try.
    The table is small: it is read whole.
    """
    return await connection.fetch(
        """
        SELECT event_id, error, attempts, next_try FROM parked
        WHERE EXISTS (SELECT FROM unnest($1::text[]) AS s (id) WHERE strpos(envelope, s.id) > 0)
        ORDER BY parked_at, event_id
        """,
        list(subjects),
    )
