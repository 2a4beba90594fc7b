"""SQL: records of the learners of one diploma that were written in their school."""

import datetime as dt
from collections.abc import Collection, Sequence
from uuid import UUID

from asyncpg import Record

from services.dossier.store.records import CARDS, COLUMNS
from shared.database import Connection
from shared.identifiers import Uai


async def of_courses(
    connection: Connection, uai: Uai, mefs: Sequence[str], pupils: Collection[UUID]
) -> list[UUID]:
    """Those of `pupils` who follow one of these courses in the school, as themselves."""
    rows = await connection.fetch(
        """
        SELECT pupil_id FROM learner
        WHERE pupil_id = ANY($3::uuid[]) AND uai = $1 AND mef = ANY($2::text[])
            AND merged_into IS NULL
        ORDER BY pupil_id
        """,
        uai,
        mefs,
        sorted(pupils),
    )
    return [row["pupil_id"] for row in rows]


async def counts(
    connection: Connection, uai: Uai, holders: Sequence[UUID], since: dt.datetime | None
) -> list[Record]:
    """The records that each learner holds: pupil_id, kind, here (whether written in `uai`), number,
    new (those written or changed since then; without a moment, all).
    """
    return await connection.fetch(
        f"""
        {CARDS}
        SELECT holder AS pupil_id, kind, origin_uai = $2 AS here, count(*) AS number,
            count(*) FILTER (WHERE $3::timestamptz IS NULL OR updated_at > $3) AS new
        FROM record JOIN card USING (pupil_id) GROUP BY holder, kind, here
        ORDER BY holder, kind
        """,
        holders,
        uai,
        since,
    )


async def written_here(
    connection: Connection, uai: Uai, holder: UUID, after: UUID | None, limit: int
) -> list[Record]:
    """The records that a learner holds and that were written in the school, by id, those above
    `after`, without their bodies.
    """
    columns = COLUMNS.replace(" body,", "")
    return await connection.fetch(
        f"""
        {CARDS} SELECT {columns} FROM record JOIN card USING (pupil_id)
        WHERE origin_uai = $2 AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4
        """,
        [holder],
        uai,
        after,
        limit,
    )


async def received(connection: Connection, uai: Uai, holder: UUID) -> int:
    """How many records a learner holds that were written elsewhere."""
    number: int = await connection.fetchval(
        f"""
        {CARDS} SELECT count(*) FROM record JOIN card USING (pupil_id) WHERE origin_uai <> $2
        """,
        [holder],
        uai,
    )
    return number


async def one(connection: Connection, uai: Uai, holder: UUID, record_id: UUID) -> Record | None:
    """One record that the learner holds and that was written in the school, with its body."""
    return await connection.fetchrow(
        f"""
        {CARDS} SELECT {COLUMNS} FROM record JOIN card USING (pupil_id)
        WHERE id = $3 AND origin_uai = $2
        """,
        [holder],
        uai,
        record_id,
    )
