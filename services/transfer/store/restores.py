"""SQL: what other services ask after a restore of their own base, and what this one has lost."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


async def answered(
    connection: Connection, since: dt.datetime, after: UUID | None, limit: int
) -> list[Record]:
    """The transfers that `dossier` has answered since a moment, in the order of its answers; of
    those answered at that moment, the ones with ids above `after`.
    """
    return await connection.fetch(
        """
        SELECT id, state, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, reverses, counts, part, answered_at
        FROM transfer
        WHERE state IN ('closed', 'reversed', 'cancelled') AND destination_pupil IS NOT NULL
            AND answered_at >= $1 AND ($2::uuid IS NULL OR (answered_at, id) > ($1, $2))
        ORDER BY answered_at, id LIMIT $3
        """,
        since,
        after,
        limit,
    )


async def presences(connection: Connection, after: UUID | None, limit: int) -> list[Record]:
    """Who is held, by id: pupil_id, uai, version, stay, active, key_version, ine_keys."""
    return await connection.fetch(
        """
        SELECT pupil_id, uai, version, stay, active, key_version,
            ARRAY(SELECT ine_key FROM match_key k WHERE k.pupil_id = p.pupil_id) AS ine_keys
        FROM presence p WHERE $1::uuid IS NULL OR pupil_id > $1 ORDER BY pupil_id LIMIT $2
        """,
        after,
        limit,
    )


async def merges(connection: Connection, after: UUID | None, limit: int) -> list[Record]:
    """Who goes on as whom, by id: pupil_id, goes_on_as, version."""
    return await connection.fetch(
        """
        SELECT pupil_id, goes_on_as, version FROM merged
        WHERE goes_on_as IS NOT NULL AND ($1::uuid IS NULL OR pupil_id > $1)
        ORDER BY pupil_id LIMIT $2
        """,
        after,
        limit,
    )


async def imports(connection: Connection, after: Uai | None, limit: int) -> list[Record]:
    """What was told last of the imports of each school: uai, number, horodatage."""
    return await connection.fetch(
        """
        SELECT uai, number, horodatage FROM import_in_force
        WHERE $1::text IS NULL OR uai > $1 ORDER BY uai LIMIT $2
        """,
        after,
        limit,
    )


async def last_answer(connection: Connection) -> dt.datetime | None:
    """When `dossier` has answered last."""
    moment: dt.datetime | None = await connection.fetchval("SELECT max(answered_at) FROM transfer")
    return moment


async def last_change(connection: Connection) -> dt.datetime | None:
    """The last moment that this base knows of."""
    moment: dt.datetime | None = await connection.fetchval(
        "SELECT greatest((SELECT max(changed_at) FROM presence), (SELECT max(at) FROM act))"
    )
    return moment


async def enter(connection: Connection, move: Mapping[str, Any]) -> bool:
    """Enter a move that this base has lost, as a request that waits for its answer; False if it is
    known. What else was under way for that departure was over before.
    """
    await connection.execute(
        """
        UPDATE transfer SET state = 'cancelled', answered_at = clock_timestamp(),
            refused_because = 'withdrawn'
        WHERE origin_pupil = $2 AND origin_stay = $3 AND id <> $1 AND kind <> 'reversal'
            AND state IN ('offered', 'requested') AND NOT $4
        """,
        move["id"],
        move["origin_pupil"],
        move["origin_stay"],
        move["reverses"] is not None,
    )
    entered: bool | None = await connection.fetchval(
        """
        INSERT INTO transfer (id, state, kind, reverses, origin_uai, origin_pupil, origin_stay,
            destination_uai, destination_pupil, names_differ, requested_at, asked_at)
        VALUES ($1, 'requested', CASE WHEN $2::uuid IS NULL THEN 'automatic' ELSE 'reversal' END,
            $2, $3, $4, $5, $6, $7, false, $8, $8)
        ON CONFLICT (id) DO UPDATE SET state = 'requested',
            destination_pupil = EXCLUDED.destination_pupil
        WHERE transfer.state = 'offered'
        RETURNING true
        """,
        move["id"],
        move["reverses"],
        move["origin_uai"],
        move["origin_pupil"],
        move["origin_stay"],
        move["destination_uai"],
        move["destination_pupil"],
        move["decided_at"],
    )
    return bool(entered)
