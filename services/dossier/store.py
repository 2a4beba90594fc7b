"""The SQL of `dossier`, over sets: each function is one question or one change."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.dossier.domain import Learner
from shared.database import Connection
from shared.events import PupilEvent, PupilMerged, TransferRequested
from shared.identifiers import Uai


async def keep_learners(connection: Connection, pupils: Sequence[PupilEvent]) -> None:
    """Keep the learners that are newer than what is held, in id order; `pupils` holds each once.

    A learner whose next stay has begun keeps his records here from now on. (A late event of the
    stay after which they moved changes nothing of that.)
    """
    await connection.execute(
        """
        INSERT INTO learner (pupil_id, uai, version, stay, active)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::bool[])
            AS p (pupil_id)
        WHERE NOT EXISTS (SELECT FROM erased e WHERE e.pupil_id = p.pupil_id)
        ON CONFLICT (pupil_id) DO UPDATE SET
            uai = EXCLUDED.uai, version = EXCLUDED.version, stay = EXCLUDED.stay,
            active = EXCLUDED.active,
            moved_to = CASE WHEN EXCLUDED.stay <= learner.moved_stay THEN learner.moved_to END
        WHERE learner.version < EXCLUDED.version
        """,
        [p.pupil_id for p in pupils],
        [p.uai for p in pupils],
        [p.version for p in pupils],
        [p.stay for p in pupils],
        [p.active for p in pupils],
    )


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


async def lock_learners(
    connection: Connection, sides: Mapping[UUID, Uai], others: Collection[UUID]
) -> None:
    """Lock learners, in id order, against writers and other moves.

    A side of a transfer that is not held yet is entered from the request, at version 0.
    """
    new = sorted(sides)
    await connection.execute(
        """
        INSERT INTO learner (pupil_id, uai, version, stay, active)
        SELECT s.pupil_id, s.uai, 0, 0, true
        FROM unnest($1::uuid[], $2::text[]) AS s (pupil_id, uai)
        WHERE NOT EXISTS (SELECT FROM erased e WHERE e.pupil_id = s.pupil_id)
        ON CONFLICT DO NOTHING
        """,
        new,
        [sides[pupil_id] for pupil_id in new],
    )
    await connection.execute(
        "SELECT FROM learner WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR UPDATE",
        sorted({*sides, *others}),
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


_SURVIVOR = """
WITH RECURSIVE chain (asked, pupil_id) AS (
    SELECT id, id FROM unnest($1::uuid[]) AS a (id)
    UNION
    SELECT chain.asked, l.merged_into FROM chain JOIN learner l USING (pupil_id)
    WHERE l.merged_into IS NOT NULL
)
SELECT chain.asked, l.pupil_id, l.uai, l.moved_to FROM chain JOIN learner l USING (pupil_id)
WHERE l.merged_into IS NULL
"""


async def learner(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, to read."""
    row = await connection.fetchrow(_SURVIVOR, [pupil_id])
    return Learner(row["pupil_id"], Uai(row["uai"]), row["moved_to"]) if row else None


async def learner_for_writing(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, locked so that no move passes until this transaction
    ends.
    """
    asked, found = None, await learner(connection, pupil_id)
    while found is not None and asked != found.pupil_id:  # he may have been merged meanwhile
        asked = found.pupil_id
        await connection.execute("SELECT FROM learner WHERE pupil_id = $1 FOR SHARE", asked)
        found = await learner(connection, pupil_id)
    return found


async def goes_on_as(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, UUID]:
    """Whom each of these learners goes on as: himself, unless he was merged."""
    rows = await connection.fetch(_SURVIVOR, sorted(pupils))
    return {row["asked"]: row["pupil_id"] for row in rows}


_CARDS = """
    WITH RECURSIVE card (holder, pupil_id) AS (
        SELECT id, id FROM unnest($1::uuid[]) AS h (id)
        UNION
        SELECT card.holder, l.pupil_id FROM card JOIN learner l ON l.merged_into = card.pupil_id
    )
"""
"""The ids under which the records of holders stand: their own, and those of learners who go on as
them.
"""


async def keep_merges(connection: Connection, merges: Sequence[PupilMerged]) -> None:
    """Note who goes on as whom, or is himself again; `merges` holds each learner once, and what is
    older than the newest merge of a learner changes nothing.
    """
    await connection.execute(
        """
        UPDATE learner l SET merged_into = m.survivor, merge_version = m.version
        FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS m (pupil_id, survivor, version)
        WHERE l.pupil_id = m.pupil_id AND l.merge_version < m.version
        """,
        [m.merged_id for m in merges],
        [None if m.undone else m.surviving_id for m in merges],
        [m.merged_version for m in merges],
    )


async def erase(connection: Connection, pupils: Sequence[UUID]) -> None:
    """Forget learners with their records, for ever."""
    await connection.execute(
        "INSERT INTO erased (pupil_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", pupils
    )
    await connection.execute("DELETE FROM record WHERE pupil_id = ANY($1::uuid[])", pupils)
    await connection.execute("DELETE FROM learner WHERE pupil_id = ANY($1::uuid[])", pupils)


_COLUMNS = """id, kind, title, diploma, body, author, origin_uai, written_on, version,
    created_at, updated_at"""


async def add_record(
    connection: Connection, record_id: UUID, holder: Learner, content: Mapping[str, Any]
) -> Record | None:
    """Write a new record in the school of its holder; `content` holds the fields a caller gives."""
    return await connection.fetchrow(
        f"""
        INSERT INTO record (id, pupil_id, origin_uai, kind, title, diploma, body, author,
            written_on, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), clock_timestamp())
        RETURNING pupil_id, {_COLUMNS}
        """,
        record_id,
        holder.pupil_id,
        holder.uai,
        *_values(content),
    )


async def change_record(
    connection: Connection,
    holder: Learner,
    record_id: UUID,
    version: int,
    content: Mapping[str, Any],
) -> Record | None:
    """Write a record anew; None if `version` is no longer the present one."""
    return await connection.fetchrow(
        f"""
        UPDATE record SET kind = $3, title = $4, diploma = $5, body = $6, author = $7,
            written_on = $8, version = version + 1, updated_at = clock_timestamp()
        WHERE id = $1 AND version = $2 RETURNING $9::uuid AS pupil_id, {_COLUMNS}
        """,
        record_id,
        version,
        *_values(content),
        holder.pupil_id,
    )


def _values(content: Mapping[str, Any]) -> tuple[str, str, str | None, Any, str, dt.date]:
    return (
        content["kind"],
        content["title"],
        content["diploma"],
        content["body"],
        content["author"],
        content["written_on"],
    )


async def record_of(connection: Connection, pupil_id: UUID, record_id: UUID) -> Record | None:
    """One record that the learner holds."""
    return await connection.fetchrow(
        f"""
        {_CARDS} SELECT holder AS pupil_id, {_COLUMNS} FROM record JOIN card USING (pupil_id)
        WHERE id = $2
        """,
        [pupil_id],
        record_id,
    )


async def records_of(
    connection: Connection, pupil_id: UUID, after: UUID | None, limit: int
) -> list[Record]:
    """The records that the learner holds, in the order of their ids, those above `after`."""
    return await connection.fetch(
        f"""
        {_CARDS} SELECT holder AS pupil_id, {_COLUMNS} FROM record JOIN card USING (pupil_id)
        WHERE $2::uuid IS NULL OR id > $2 ORDER BY id LIMIT $3
        """,
        [pupil_id],
        after,
        limit,
    )
