"""SQL: closed transfers to be told once a day, and the rounds through all schools."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from services.notifier.store import columns
from shared.database import Connection
from shared.telemetry import current_traceparent

TRACES = 20
"""A mail that tells of more is linked to so many of them."""


async def enter(connection: Connection, entries: Sequence[tuple[UUID, str, str]]) -> None:
    """Count closed transfers (id, school, direction) for the next digests, each once; the trace is
    that of who tells of them.
    """
    if entries:
        await connection.execute(
            """
            INSERT INTO digest_entry (transfer_id, uai, direction, traceparent)
            SELECT *, $4::text FROM unnest($1::uuid[], $2::text[], $3::text[])
            ON CONFLICT DO NOTHING
            """,
            *columns(entries),
            current_traceparent(),
        )


async def take(connection: Connection) -> list[Record]:
    """Mark all that was not told yet as told; the schools concerned that want it and have an
    e-mail, with counts by direction (uai, name, town, email, counts), and those without e-mail;
    with some of the `traces` that they belong to.
    """
    return await connection.fetch(
        """
        WITH told AS (
            UPDATE digest_entry SET told_at = now() WHERE told_at IS NULL
            RETURNING uai, direction, traceparent
        ), counted AS (
            SELECT uai, direction, count(*) AS number FROM told GROUP BY uai, direction
        ), traced AS (
            SELECT uai, (array_agg(DISTINCT traceparent))[:$1::int] AS traces FROM told
            WHERE traceparent IS NOT NULL GROUP BY uai
        )
        SELECT uai, coalesce(name, '') AS name, town, email,
            jsonb_object_agg(direction, number) AS counts, traces
        FROM counted LEFT JOIN school USING (uai) LEFT JOIN traced USING (uai)
        WHERE coalesce(digest, true) GROUP BY uai, name, town, email, traces ORDER BY uai
        """,
        TRACES,
    )


async def pass_over(connection: Connection) -> None:
    """Count all that was not told yet as told: no digest will."""
    await connection.execute("UPDATE digest_entry SET told_at = now() WHERE told_at IS NULL")


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget closed transfers that were told before a moment, and rounds done before it."""
    await connection.execute("DELETE FROM digest_entry WHERE told_at < $1", before)
    await connection.execute("DELETE FROM round WHERE done_at < $1", before)
