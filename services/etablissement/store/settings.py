"""SQL: what a school has set of a subject (contacts, modules…) as a whole, and who did."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


class Subject(StrEnum):
    """What is set as a whole."""

    CONTACTS = "contacts"
    MODULES = "modules"
    SETTING_UP = "setting-up"


async def one(connection: Connection, uai: Uai, subject: Subject) -> Record | None:
    """What a school has set: version, content. Version 0 and no content: nothing yet. None: the
    registry does not have this school.
    """
    return await connection.fetchrow(
        """
        SELECT coalesce(t.version, 0) AS version, t.content
        FROM school AS s LEFT JOIN setting AS t ON t.uai = s.uai AND t.subject = $2
        WHERE s.uai = $1
        """,
        uai, subject,
    )  # fmt: skip


async def put(
    connection: Connection,
    uai: Uai,
    subject: Subject,
    version: int,
    content: Any,
    *,
    fields: Sequence[str],
    by: str,
    at: dt.datetime,
) -> int | None:
    """Replace what a school has set and note who did, and which `fields` differ; the new version,
    or None if `version` is no longer the present one.
    """
    written: int | None = await connection.fetchval(
        """
        WITH first AS (
            INSERT INTO setting (uai, subject, version, content)
            SELECT $1, $2, 1, $4 WHERE $3 = 0
            ON CONFLICT DO NOTHING RETURNING version
        ), again AS (
            UPDATE setting SET version = version + 1, content = $4
            WHERE uai = $1 AND subject = $2 AND version = $3 RETURNING version
        )
        INSERT INTO setting_change (uai, subject, version, fields, changed_by, changed_at)
        SELECT $1, $2, version, $5, $6, $7
        FROM (SELECT version FROM first UNION ALL SELECT version FROM again) AS s
        RETURNING version
        """,
        uai, subject, version, content, fields, by, at,
    )  # fmt: skip
    return written


async def history(
    connection: Connection, uai: Uai, subject: Subject, before: int | None, limit: int
) -> list[Record]:
    """Changes of a subject: id, version, fields, changed_by, changed_at, and name and function of
    who it was if he is known here; newest first.
    """
    return await connection.fetch(
        """
        SELECT c.id, c.version, c.fields, c.changed_by, c.changed_at, p.name, p.function
        FROM setting_change AS c LEFT JOIN person AS p ON p.account::text = c.changed_by
        WHERE c.uai = $1 AND c.subject = $2 AND ($3::bigint IS NULL OR c.id < $3)
        ORDER BY c.id DESC LIMIT $4
        """,
        uai, subject, before, limit,
    )  # fmt: skip


async def forget_history(connection: Connection, before: dt.datetime) -> None:
    """Forget the changes of what schools have set made earlier."""
    await connection.execute("DELETE FROM setting_change WHERE changed_at < $1", before)
