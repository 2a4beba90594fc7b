"""SQL: the one decision about each transfer, and the moves of records."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.dossier.domain import Onward
from services.dossier.store.records import CARDS
from shared.database import Connection
from shared.events import TransferRequested


async def decide_requests(
    connection: Connection, requests: Sequence[TransferRequested]
) -> list[Record]:
    """Decide these transfers, unless decided already; returns those (transfer_id, reverses) whose
    records are to move now.

    A learner who has begun a later stay at the origin (« returned »), or goes on there as another
    (« merged »), keeps his records there. A reversal takes back the last move only (« moved-on »);
    the records have gone on, too, where the learner was merged into one who had left before.
    """
    rows = await connection.fetch(
        """
        INSERT INTO move (transfer_id, outcome, origin_pupil, origin_stay, destination_pupil,
            reverses, origin_uai, destination_uai)
        SELECT r.id, CASE
                WHEN o.pupil_id IS NULL OR d.pupil_id IS NULL THEN 'erased'
                WHEN r.reverses IS NOT NULL THEN CASE
                    WHEN back.transfer_id IS NULL OR back.reversed OR o.moved_to IS NOT NULL
                        THEN 'moved-on'
                    WHEN EXISTS (SELECT FROM move on_from
                        WHERE on_from.origin_pupil IN (back.destination_pupil, r.origin)
                            AND on_from.outcome = 'transferred' AND NOT on_from.reversed
                            AND on_from.reverses IS NULL
                            AND on_from.decided_at > back.decided_at) THEN 'moved-on'
                    ELSE 'transferred' END
                WHEN o.stay > r.stay THEN 'returned'
                WHEN o.merged_into IS NOT NULL THEN 'merged'
                ELSE 'transferred' END,
            r.origin, r.stay, r.destination, r.reverses, r.origin_uai, r.destination_uai
        FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::text[],
            $7::text[]) AS r (id, origin, stay, destination, reverses, origin_uai, destination_uai)
        LEFT JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = r.origin OFFSET 0) o ON true
        LEFT JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = r.destination OFFSET 0) d ON true
        LEFT JOIN LATERAL (SELECT * FROM move WHERE transfer_id = r.reverses OFFSET 0) back
            ON back.outcome = 'transferred'
        ON CONFLICT DO NOTHING RETURNING transfer_id, outcome, reverses
        """,
        [r.transfer_id for r in requests],
        [r.origin.pupil_id for r in requests],
        [r.origin_stay for r in requests],
        [r.destination.pupil_id for r in requests],
        [r.reverses for r in requests],
        [r.origin.uai for r in requests],
        [r.destination.uai for r in requests],
    )
    return [row for row in rows if row["outcome"] == "transferred"]


async def decide_withdrawn(connection: Connection, transfers: Sequence[UUID]) -> None:
    """Decide these transfers as withdrawn, unless decided already."""
    await connection.execute(
        """
        INSERT INTO move (transfer_id, outcome) SELECT id, 'withdrawn'
        FROM unnest($1::uuid[]) AS w (id) ON CONFLICT DO NOTHING
        """,
        sorted(transfers),
    )


async def move_records(
    connection: Connection, transfers: Sequence[UUID], named: Collection[UUID]
) -> None:
    """Move the records of these decided transfers, those of learners who go on as the one who
    leaves included; count them by kind, and note where they went.

    Who receives and was `named` by the request is there: he holds his records himself from now on,
    wherever an earlier move had taken them. Whom the named one only goes on as may have left.
    """
    await connection.execute(
        """
        WITH RECURSIVE decided AS MATERIALIZED (
            SELECT * FROM move WHERE transfer_id = ANY($1::uuid[])
        ), card (transfer_id, pupil_id) AS (
            SELECT transfer_id, origin_pupil FROM decided
            UNION
            SELECT card.transfer_id, l.pupil_id FROM card
            CROSS JOIN LATERAL (
                SELECT pupil_id FROM learner WHERE merged_into = card.pupil_id OFFSET 0) l
        ), moved AS (
            UPDATE record SET pupil_id = d.destination_pupil,
                moved_by = moved_by || d.transfer_id, moved_at = moved_at || record.version
            FROM card JOIN decided d USING (transfer_id) WHERE record.pupil_id = card.pupil_id
                AND record.pupil_id = ANY(ARRAY(SELECT pupil_id FROM card))
            RETURNING d.transfer_id, record.kind
        ), counted AS ( -- as one value: joined, it would be gone through once for each transfer
            SELECT jsonb_object_agg(transfer_id, counts) AS by_transfer FROM (
                SELECT transfer_id, jsonb_object_agg(kind, number) AS counts FROM (
                    SELECT transfer_id, kind, count(*) AS number FROM moved
                    GROUP BY transfer_id, kind
                ) AS by_kind GROUP BY transfer_id
            ) AS of_each
        ), gone AS (
            UPDATE learner SET moved_to = d.destination_pupil, moved_stay = d.origin_stay,
                moved_by = d.transfer_id
            FROM decided d WHERE learner.pupil_id = d.origin_pupil
                AND learner.pupil_id = ANY(ARRAY(SELECT origin_pupil FROM decided))
                AND learner.pupil_id <> ALL($2::uuid[]) -- who receives holds, whatever else
        ), come AS (
            UPDATE learner SET moved_to = NULL FROM decided d
            WHERE learner.pupil_id = d.destination_pupil AND learner.pupil_id = ANY($2::uuid[])
                AND moved_to IS NOT NULL
        )
        UPDATE move SET counts = coalesce(by_transfer -> transfer_id::text, '{}')
        FROM counted WHERE transfer_id = ANY($1::uuid[])
        """,
        transfers,
        sorted(named),
    )


async def move_back(connection: Connection, reversal: UUID) -> None:
    """Take the records of an earlier move back to the learner of the reversal, but for those that
    were changed since: they stay, and are noted. Where that move had taken his dossier he holds it
    again; where a later one has, it is still there.
    """
    await connection.execute(
        """
        WITH RECURSIVE back AS (
            SELECT r.transfer_id, r.reverses, r.origin_pupil, r.destination_pupil,
                b.origin_pupil AS first_pupil, b.destination_pupil AS second_pupil
            FROM move r JOIN move b ON b.transfer_id = r.reverses WHERE r.transfer_id = $1
        ), card (pupil_id) AS (
            SELECT unnest(ARRAY[origin_pupil, second_pupil]) FROM back
            UNION
            SELECT l.pupil_id FROM card JOIN learner l ON l.merged_into = card.pupil_id
        ), brought AS (
            SELECT record.id, moved_at[cardinality(moved_at)] = version AS unchanged
            FROM record JOIN card USING (pupil_id), back
            WHERE moved_by[cardinality(moved_by)] = back.reverses
        ), returned AS (
            UPDATE record SET pupil_id = back.destination_pupil,
                moved_by = trim_array(moved_by, 1), moved_at = trim_array(moved_at, 1)
            FROM brought, back WHERE record.id = brought.id AND unchanged RETURNING kind
        ), kept AS (
            UPDATE record SET moved_by = '{}', moved_at = '{}'
            FROM brought WHERE record.id = brought.id AND NOT unchanged RETURNING record.id
        ), holds_again AS (
            UPDATE learner SET moved_to = NULL FROM back
            WHERE learner.pupil_id IN (back.first_pupil, back.destination_pupil)
                AND learner.moved_by = back.reverses
        ), undone AS (
            UPDATE move SET reversed = true FROM back WHERE move.transfer_id = back.reverses
        )
        UPDATE move SET left_behind = ARRAY(SELECT id FROM kept ORDER BY id),
            counts = coalesce((SELECT jsonb_object_agg(kind, number) FROM (
                SELECT kind, count(*) AS number FROM returned GROUP BY kind) AS by_kind), '{}')
        WHERE transfer_id = $1
        """,
        reversal,
    )


async def decisions(connection: Connection, transfers: Sequence[UUID]) -> list[Record]:
    """The decisions about these transfers: transfer_id, outcome, counts, part, left_behind."""
    return await connection.fetch(
        """
        SELECT transfer_id, outcome, counts, part, left_behind FROM move
        WHERE transfer_id = ANY($1::uuid[])
        """,
        transfers,
    )


async def follow(connection: Connection, onward: Onward) -> dict[str, int]:
    """Send on all that stands with a learner whose dossier has gone on, or with those who go on as
    him; returns how many of each kind.
    """
    rows = await connection.fetch(
        f"""
        {CARDS}, moved AS (
            UPDATE record SET pupil_id = $2, moved_by = moved_by || $3::uuid[],
                moved_at = moved_at || array_fill(version, ARRAY[cardinality($3::uuid[])])
            FROM card WHERE record.pupil_id = card.pupil_id RETURNING kind
        )
        SELECT kind, count(*) AS number FROM moved GROUP BY kind
        """,
        [onward.left],
        onward.holder,
        onward.moved_by,
    )
    return {row["kind"]: row["number"] for row in rows}


async def count_followed(connection: Connection, transfer: UUID, counts: Mapping[str, int]) -> None:
    """Count records that have followed a transfer, as one more part of it."""
    # Apart from the statement that moves them: two writers may count at once.
    await connection.execute(
        """
        UPDATE move SET part = part + 1, counts = counts || (
            SELECT jsonb_object_agg(kind, coalesce((counts ->> kind)::int, 0) + number)
            FROM unnest($2::text[], $3::int[]) AS f (kind, number))
        WHERE transfer_id = $1
        """,
        transfer,
        list(counts),
        list(counts.values()),
    )
