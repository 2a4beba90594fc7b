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

    A learner who has begun a later stay at the origin, or goes on there as another, keeps his
    records there: « returned ».
    """
    rows = await connection.fetch(
        """
        INSERT INTO move (transfer_id, outcome, origin_pupil, origin_stay, destination_pupil)
        SELECT r.id, CASE
                WHEN o.pupil_id IS NULL OR d.pupil_id IS NULL THEN 'erased'
                WHEN o.stay > r.stay OR o.merged_into IS NOT NULL THEN 'returned'
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
    """Move the records of these decided transfers, count them by kind, and note where they went."""
    await connection.execute(
        """
        WITH moved AS (
            UPDATE record SET pupil_id = m.destination_pupil
            FROM move m WHERE m.transfer_id = ANY($1::uuid[]) AND record.pupil_id = m.origin_pupil
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


_LEARNER = "SELECT pupil_id, uai, moved_to, merged_into FROM learner WHERE pupil_id = $1"


async def learner_for_writing(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, locked so that no move passes until this transaction
    ends.
    """
    return await _learner(connection, pupil_id, f"{_LEARNER} FOR SHARE")


async def learner(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, to read."""
    return await _learner(connection, pupil_id, _LEARNER)


async def _learner(connection: Connection, pupil_id: UUID, question: str) -> Learner | None:
    row = await connection.fetchrow(question, pupil_id)
    while row and row["merged_into"]:
        row = await connection.fetchrow(question, row["merged_into"])
    return Learner(row["pupil_id"], Uai(row["uai"]), row["moved_to"]) if row else None


async def goes_on_as(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, UUID]:
    """Those among learners who were merged, each with whom he goes on as in the end."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE chain (pupil_id, surviving_id) AS (
            SELECT pupil_id, merged_into FROM learner
            WHERE pupil_id = ANY($1::uuid[]) AND merged_into IS NOT NULL
            UNION
            SELECT chain.pupil_id, l.merged_into FROM chain
            JOIN learner l ON l.pupil_id = chain.surviving_id WHERE l.merged_into IS NOT NULL
        )
        SELECT chain.pupil_id, surviving_id FROM chain
        JOIN learner l ON l.pupil_id = surviving_id WHERE l.merged_into IS NULL
        """,
        sorted(pupils),
    )
    return {row["pupil_id"]: row["surviving_id"] for row in rows}


async def keep_merge(connection: Connection, merge: PupilMerged) -> None:
    """Join the records of a learner who was merged, or give them back; a merge that is older than
    the newest one of this learner changes nothing.
    """
    newer = await connection.fetchval(
        """
        UPDATE learner SET merged_into = $2, merge_version = $3
        WHERE pupil_id = $1 AND merge_version < $3 RETURNING true
        """,
        merge.merged_id,
        None if merge.undone else merge.surviving_id,
        merge.merged_version,
    )
    if newer:
        question = _GIVE_BACK if merge.undone else _JOIN
        await connection.execute(question, merge.merged_id, merge.surviving_id)


_JOIN = """
UPDATE record SET pupil_id = $2, merged_from = merged_from || $1::uuid WHERE pupil_id = $1
"""
_GIVE_BACK = """
UPDATE record SET pupil_id = $1, merged_from = trim_array(merged_from, 1)
WHERE pupil_id = $2 AND merged_from[cardinality(merged_from)] = $1
"""


async def erase(connection: Connection, pupils: Sequence[UUID]) -> None:
    """Forget learners with their records, for ever."""
    await connection.execute(
        "INSERT INTO erased (pupil_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", pupils
    )
    await connection.execute("DELETE FROM record WHERE pupil_id = ANY($1::uuid[])", pupils)
    await connection.execute("DELETE FROM learner WHERE pupil_id = ANY($1::uuid[])", pupils)


_COLUMNS = """id, pupil_id, kind, title, diploma, body, author, origin_uai, written_on, version,
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
        RETURNING {_COLUMNS}
        """,
        record_id,
        holder.pupil_id,
        holder.uai,
        *_values(content),
    )


async def change_record(
    connection: Connection, record_id: UUID, version: int, content: Mapping[str, Any]
) -> Record | None:
    """Write a record anew; None if `version` is no longer the present one."""
    return await connection.fetchrow(
        f"""
        UPDATE record SET kind = $3, title = $4, diploma = $5, body = $6, author = $7,
            written_on = $8, version = version + 1, updated_at = clock_timestamp()
        WHERE id = $1 AND version = $2 RETURNING {_COLUMNS}
        """,
        record_id,
        version,
        *_values(content),
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
        f"SELECT {_COLUMNS} FROM record WHERE id = $1 AND pupil_id = $2", record_id, pupil_id
    )


async def records_of(
    connection: Connection, pupil_id: UUID, after: UUID | None, limit: int
) -> list[Record]:
    """The records that the learner holds, in the order of their ids, those above `after`."""
    return await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM record
        WHERE pupil_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """,
        pupil_id,
        after,
        limit,
    )
