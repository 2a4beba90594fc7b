"""SQL: what `transfer` asks after a restore of its base, and what this one has lost."""

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from asyncpg import Record

from shared.database import Connection


async def decided(
    connection: Connection, since: dt.datetime, after: UUID | None, limit: int
) -> list[Record]:
    """The decisions since a moment, in their order; of those made at that moment, the ones with ids
    above `after`.
    """
    return await connection.fetch(
        """
        SELECT transfer_id AS id, outcome, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, reverses, part, left_behind, coalesce(counts, '{}') AS counts,
            decided_at
        FROM move
        WHERE decided_at >= $1 AND ($2::uuid IS NULL OR (decided_at, transfer_id) > ($1, $2))
        ORDER BY decided_at, transfer_id LIMIT $3
        """,
        since,
        after,
        limit,
    )


async def last_decision(connection: Connection) -> dt.datetime | None:
    """When a transfer was decided last."""
    moment: dt.datetime | None = await connection.fetchval("SELECT max(decided_at) FROM move")
    return moment


async def raise_parts(connection: Connection, parts: Mapping[UUID, int]) -> None:
    """Let further parts of these transfers count from what was told before the loss."""
    await connection.execute(
        """
        UPDATE move SET part = p.part FROM unnest($1::uuid[], $2::int[]) AS p (id, part)
        WHERE transfer_id = p.id AND move.part < p.part
        """,
        list(parts),
        list(parts.values()),
    )
