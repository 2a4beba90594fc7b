"""SQL: the one decision about each transfer, and the moves of records."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.events import TransferRequested


async def decide_requests(
    connection: Connection, requests: Sequence[TransferRequested]
) -> list[UUID]:
    """Decide these transfers, unless decided already; returns those whose records are to move now.

    A learner who has begun a later stay at the origin (« returned »), or goes on there as another
    (« merged »), keeps his records there.
    """
    rows = await connection.fetch(
        """
        INSERT INTO move (transfer_id, outcome, origin_pupil, origin_stay, destination_pupil)
        SELECT r.id, CASE
                WHEN o.pupil_id IS NULL OR d.pupil_id IS NULL THEN 'erased'
                WHEN o.stay > r.stay THEN 'returned'
                WHEN o.merged_into IS NOT NULL THEN 'merged'
                ELSE 'transferred' END,
            r.origin, r.stay, r.destination
        FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[])
            AS r (id, origin, stay, destination)
        LEFT JOIN learner o ON o.pupil_id = r.origin
        LEFT JOIN learner d ON d.pupil_id = r.destination
        ON CONFLICT DO NOTHING RETURNING transfer_id, outcome
        """,
        [r.transfer_id for r in requests],
        [r.origin.pupil_id for r in requests],
        [r.origin_stay for r in requests],
        [r.destination.pupil_id for r in requests],
    )
    return [row["transfer_id"] for row in rows if row["outcome"] == "transferred"]


async def decide_withdrawn(connection: Connection, transfers: Sequence[UUID]) -> None:
    """Decide these transfers as withdrawn, unless decided already."""
    await connection.execute(
        """
        INSERT INTO move (transfer_id, outcome) SELECT id, 'withdrawn'
        FROM unnest($1::uuid[]) AS w (id) ON CONFLICT DO NOTHING
        """,
        sorted(transfers),
    )


async def move_records(connection: Connection, transfers: Sequence[UUID]) -> None:
    """Move the records of these decided transfers, those of learners who go on as the one who
    leaves included; count them by kind, and note where they went.
    """
    await connection.execute(
        """
        WITH RECURSIVE card (transfer_id, pupil_id) AS (
            SELECT transfer_id, origin_pupil FROM move WHERE transfer_id = ANY($1::uuid[])
            UNION
            SELECT card.transfer_id, l.pupil_id FROM card
            JOIN learner l ON l.merged_into = card.pupil_id
        ), moved AS (
            UPDATE record SET pupil_id = m.destination_pupil
            FROM card JOIN move m USING (transfer_id) WHERE record.pupil_id = card.pupil_id
            RETURNING m.transfer_id, record.kind
        ), counted AS (
            SELECT transfer_id, jsonb_object_agg(kind, number) AS counts FROM (
                SELECT transfer_id, kind, count(*) AS number FROM moved GROUP BY transfer_id, kind
            ) AS by_kind GROUP BY transfer_id
        ), gone AS (
            UPDATE learner SET moved_to = m.destination_pupil, moved_stay = m.origin_stay
            FROM move m WHERE m.transfer_id = ANY($1::uuid[]) AND learner.pupil_id = m.origin_pupil
        )
        UPDATE move SET counts = coalesce(
            (SELECT counts FROM counted WHERE counted.transfer_id = move.transfer_id), '{}')
        WHERE transfer_id = ANY($1::uuid[])
        """,
        transfers,
    )


async def decisions(connection: Connection, transfers: Sequence[UUID]) -> list[Record]:
    """The decisions about these transfers: transfer_id, outcome, counts."""
    return await connection.fetch(
        "SELECT transfer_id, outcome, counts FROM move WHERE transfer_id = ANY($1::uuid[])",
        transfers,
    )
