"""SQL: the records that learners hold."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.dossier.domain import Step
from shared.database import Connection
from shared.identifiers import Uai

CARDS = """
    WITH RECURSIVE card (holder, pupil_id) AS (
        SELECT id, id FROM unnest($1::uuid[]) AS h (id)
        UNION
        SELECT card.holder, l.pupil_id FROM card
        CROSS JOIN LATERAL (
            SELECT pupil_id FROM learner WHERE merged_into = card.pupil_id OFFSET 0) l
    )
"""
"""The ids under which the records of holders stand: their own, and those of learners who go on as
them.
"""


COLUMNS = """id, kind, title, diploma, body, author, origin_uai, written_on, version,
    created_at, updated_at"""


async def add_record(
    connection: Connection, record_id: UUID, own: Step, content: Mapping[str, Any]
) -> None:
    """Write a new record of a learner in his school; `content` holds the fields a caller gives."""
    await connection.execute(
        """
        INSERT INTO record (id, pupil_id, origin_uai, kind, title, diploma, body, author,
            written_on, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), clock_timestamp())
        """,
        record_id,
        own.pupil_id,
        own.uai,
        *_values(content),
    )


async def record_written(connection: Connection, uai: Uai, record_id: UUID) -> Record | None:
    """A record that `uai` has written, wherever it is now."""
    return await connection.fetchrow(
        f"SELECT pupil_id, {COLUMNS} FROM record WHERE id = $1 AND origin_uai = $2",
        record_id,
        uai,
    )


async def change_record(
    connection: Connection,
    holder: UUID,
    record_id: UUID,
    version: int,
    content: Mapping[str, Any],
) -> Record | None:
    """Write a record anew; None if `version` is no longer the present one."""
    return await connection.fetchrow(
        f"""
        UPDATE record SET kind = $3, title = $4, diploma = $5, body = $6, author = $7,
            written_on = $8, version = version + 1, updated_at = clock_timestamp()
        WHERE id = $1 AND version = $2 RETURNING $9::uuid AS pupil_id, {COLUMNS}
        """,
        record_id,
        version,
        *_values(content),
        holder,
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
        {CARDS} SELECT holder AS pupil_id, {COLUMNS} FROM record JOIN card USING (pupil_id)
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
        {CARDS} SELECT holder AS pupil_id, {COLUMNS} FROM record JOIN card USING (pupil_id)
        WHERE $2::uuid IS NULL OR id > $2 ORDER BY id LIMIT $3
        """,
        [pupil_id],
        after,
        limit,
    )


async def ids_of(
    connection: Connection, pupil_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """The ids of the records that the learner holds, in their order, those above `after`."""
    rows = await connection.fetch(
        f"""
        {CARDS} SELECT id FROM record JOIN card USING (pupil_id)
        WHERE $2::uuid IS NULL OR id > $2 ORDER BY id LIMIT $3
        """,
        [pupil_id],
        after,
        limit,
    )
    return [row["id"] for row in rows]
