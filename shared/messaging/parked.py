"""Parked events: put aside with their error and tried again by themselves, later and later.

A dead letter becomes one that nobody tries again until a person says so.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.envelope import InvalidEventError, unpack
from shared.events import CATALOGUE

TRIES = 12
"""Tries before a parked event waits for a person: with doubling pauses, more than an hour."""
DEAD_LETTER = "DeadLetter"
"""The error of what was delivered again and again, each time to a process that died."""

_NAMES = {
    "id",
    "type",
    "subject",
    *(name for kind in CATALOGUE.values() for name in kind.model_fields),
}
_TOLD = re.compile(r"fr\.cpro\.[a-z_.]+\.v\d+|\d{7}[A-Z]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def subject_of(envelope: str) -> Mapping[str, str]:
    """What an event is about: its type, the ids and the UAI that it names. Nothing else is told of
    it: what could not be read may hold anything.
    """
    with suppress(InvalidEventError, LookupError, TypeError, ValueError, AttributeError):
        [head] = unpack(envelope.encode(), None)
        values = {**dict(head["data"]), **dict(head)}  # type: ignore[index, call-overload]
        told = {name: str(values[name]) for name in sorted(_NAMES & values.keys())}
        return {name: value for name, value in told.items() if _TOLD.fullmatch(value)}
    return {}


async def park(connection: Connection, event_id: UUID, envelope: str, error: str) -> None:
    """Put an event aside that was not received yet; it counts as received, so that a second
    delivery is passed over.
    """
    statement = """
        WITH received AS (
            INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING event_id
        )
        INSERT INTO parked (event_id, envelope, error, next_try) SELECT event_id, $2, $3,
            CASE WHEN $3 <> $4 THEN clock_timestamp() + interval '1 second' END FROM received
        """
    await connection.execute(statement, event_id, envelope, error, DEAD_LETTER)


async def claim_due(connection: Connection) -> Record | None:
    """The parked event (event_id, envelope) whose next try is due. The try is counted before it is
    made, so that an event which kills the process is not tried for ever.
    """
    statement = """
        UPDATE parked SET attempts = attempts + 1, next_try = CASE WHEN attempts < $1
            THEN clock_timestamp() + interval '1 second' * (2 ^ attempts) END
        WHERE event_id = (
            SELECT event_id FROM parked WHERE next_try <= clock_timestamp()
            ORDER BY next_try LIMIT 1 FOR UPDATE SKIP LOCKED
        ) RETURNING event_id, envelope
        """
    return await connection.fetchrow(statement, TRIES)


async def take(connection: Connection, event_id: UUID) -> Record | None:
    """Remove a parked event (envelope, error), which this transaction ends; None if it is gone."""
    statement = "DELETE FROM parked WHERE event_id = $1 RETURNING envelope, error"
    return await connection.fetchrow(statement, event_id)


async def failed_again(connection: Connection, event_id: UUID, error: str) -> None:
    """Note what the last try failed with."""
    await connection.execute("UPDATE parked SET error = $2 WHERE event_id = $1", event_id, error)


async def found(connection: Connection) -> list[Record]:
    """All parked events, oldest first."""
    return await connection.fetch("SELECT * FROM parked ORDER BY parked_at, event_id")


async def resend(connection: Connection, event_id: UUID) -> bool:
    """Have a parked event tried once more, at once; False if it is unknown. When that fails, it
    waits for a person again.
    """
    statement = """
        UPDATE parked SET next_try = clock_timestamp(), attempts = greatest(attempts, $2)
        WHERE event_id = $1
        """
    return await connection.execute(statement, event_id, TRIES) != "UPDATE 0"


async def discard(connection: Connection, event_id: UUID, reason: str, by: str) -> bool:
    """Give a parked event up, leaving a trace; False if it is unknown."""
    statement = """
        INSERT INTO discarded (event_id, subject, error, reason, discarded_by)
        VALUES ($1, $2, $3, $4, $5)
        """
    if gone := await take(connection, event_id):
        told = subject_of(gone["envelope"]), gone["error"]
        await connection.execute(statement, event_id, *told, reason, by)
    return gone is not None


async def figures(connection: Connection) -> Record | None:
    """How many parked events are tried again, wait for a person or are dead letters, and the age
    of the oldest in seconds.
    """
    statement = """
        SELECT count(next_try) AS "retried",
            count(*) FILTER (WHERE next_try IS NULL AND error <> $1) AS "waiting",
            count(*) FILTER (WHERE next_try IS NULL AND error = $1) AS "dead-letter",
            coalesce(extract(epoch FROM clock_timestamp() - min(parked_at)), 0)::float8 AS "oldest"
        FROM parked
        """
    return await connection.fetchrow(statement, DEAD_LETTER)


async def about(connection: Connection, subjects: Collection[str]) -> list[Record]:
    """The parked events whose envelope names one of these ids: event_id, error, attempts, next_try.
    The table is small: it is read whole.
    """
    statement = """
        SELECT event_id, error, attempts, next_try FROM parked
        WHERE EXISTS (SELECT FROM unnest($1::text[]) AS s (id) WHERE strpos(envelope, s.id) > 0)
        ORDER BY parked_at, event_id
        """
    return await connection.fetch(statement, list(subjects))
