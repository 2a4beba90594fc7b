"""SQL: what is known of one learner whose dossier is asked for, and of who shares his INE."""

from collections.abc import Collection
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


async def learner(connection: Connection, uai: Uai, pupil_id: UUID) -> Record | None:
    """The learner of the school: since, active, source, and his INE keys."""
    return await connection.fetchrow(
        """
        SELECT p.pupil_id, p.since, p.source, p.active AND a.pupil_id IS NULL AS active,
            ARRAY(SELECT ine_key FROM match_key k WHERE k.pupil_id = p.pupil_id) AS ine_keys
        FROM presence p
        LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
        WHERE p.uai = $1 AND p.pupil_id = $2
        """,
        uai,
        pupil_id,
    )


async def learner_with(
    connection: Connection, uai: Uai, ine_keys: Collection[bytes]
) -> UUID | None:
    """The learner of the school who holds one of these INE keys; an active one first."""
    found: UUID | None = await connection.fetchval(
        """
        SELECT p.pupil_id FROM match_key k JOIN presence p USING (pupil_id)
        WHERE k.ine_key = ANY($2::bytea[]) AND p.uai = $1
        ORDER BY p.active DESC, p.since DESC LIMIT 1
        """,
        uai,
        list(ine_keys),
    )
    return found


async def related(connection: Connection, uai: Uai, ine_keys: Collection[bytes]) -> list[Record]:
    """The learners of other schools who hold one of these INE keys, the last change first, each
    with the newest transfer of his present stay, if any.
    """
    return await connection.fetch(
        """
        SELECT p.uai, p.active AND a.pupil_id IS NULL AS active, p.since,
            t.id AS transfer_id, t.state, t.destination_uai AS to_uai, t.asked, t.refused_because,
            coalesce(t.answered_at, t.requested_at) AS moment, t.counts,
            t.destination_uai = $1 AS here
        FROM (SELECT DISTINCT pupil_id FROM match_key WHERE ine_key = ANY($2::bytea[])) AS k
        JOIN presence p USING (pupil_id)
        LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
        LEFT JOIN LATERAL (
            SELECT * FROM transfer t WHERE t.origin_pupil = p.pupil_id
                AND t.origin_stay = p.stay AND t.kind <> 'reversal' ORDER BY t.id DESC LIMIT 1
        ) t ON true
        WHERE p.uai <> $1
        ORDER BY p.since DESC, p.pupil_id
        """,
        uai,
        list(ine_keys),
    )


async def received(connection: Connection, pupil_id: UUID) -> Record | None:
    """The newest transfer towards a learner that is under way, closed or reversed."""
    return await connection.fetchrow(
        """
        SELECT id AS transfer_id, state, origin_uai AS to_uai, asked, refused_because,
            coalesce(answered_at, requested_at) AS moment, counts, true AS here
        FROM transfer WHERE destination_pupil = $1 AND kind <> 'reversal'
            AND state IN ('requested', 'closed', 'reversed')
        ORDER BY (state = 'requested') DESC, id DESC LIMIT 1
        """,
        pupil_id,
    )
