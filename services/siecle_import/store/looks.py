"""SQL: who has seen the identity of a learner."""

import datetime as dt
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


class What(StrEnum):
    """What was looked at: the learner's page, his identity or those who may be he by ticket, his
    identity to create him elsewhere, the export of his data.
    """

    PAGE = "page"
    IDENTITY = "identity"
    SUGGEST = "suggest"
    CREATE = "create"
    EXPORT = "export"


async def note(
    connection: Connection, uai: Uai, viewer: str, what: What, pupil_id: UUID, now: dt.datetime
) -> None:
    """Note that `viewer` looks at a learner through the school `uai`."""
    await connection.execute(
        "INSERT INTO look (at, pupil_id, uai, viewer, what) VALUES ($1, $2, $3, $4, $5)",
        now,
        pupil_id,
        uai,
        viewer,
        what,
    )


async def looks_at(
    connection: Connection, pupil_id: UUID, before: int | None, limit: int | None
) -> list[Record]:
    """The looks (id, at, uai, viewer, what) at a learner and at whoever goes on as him, newest
    first, those earlier than the look `before`.
    """
    return await connection.fetch(
        """
        WITH RECURSIVE card (id) AS (
            SELECT $1::uuid
            UNION
            SELECT p.id FROM pupil p JOIN card ON p.merged_into = card.id
        )
        SELECT l.id, l.at, l.uai, l.viewer, l.what FROM look l JOIN card ON card.id = l.pupil_id
        WHERE $2::bigint IS NULL OR l.id < $2 ORDER BY l.id DESC LIMIT $3
        """,
        pupil_id,
        before,
        limit,
    )


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget looks earlier than `before`."""
    await connection.execute("DELETE FROM look WHERE at < $1", before)
