"""Merges of two learners."""

import datetime as dt
from typing import Any
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai

_MERGE = """id, uai, survivor, merged, reason, merged_by, merged_at, undone_by, undone_at,
    survivor_before, merged_before, after_import"""
_NAMED = f"""
    SELECT m.*, s.family_name || ' ' || s.first_name AS survivor_name,
        o.family_name || ' ' || o.first_name AS merged_name
    FROM (SELECT {_MERGE} FROM merge) m
        LEFT JOIN pupil s ON s.id = m.survivor LEFT JOIN pupil o ON o.id = m.merged
"""


async def add(
    connection: Connection,
    merge_id: UUID,
    uai: Uai,
    *,
    survivor: UUID,
    merged: UUID,
    before: tuple[Any, Any],
    reason: str,
    merged_by: str,
    merged_at: dt.datetime,
    after_import: int,
) -> None:
    """Note a merge, with both learners as they were `before` it."""
    await connection.execute(
        """
        INSERT INTO merge (id, uai, survivor, merged, survivor_before, merged_before, reason,
            merged_by, merged_at, after_import)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        merge_id,
        uai,
        survivor,
        merged,
        *before,
        reason,
        merged_by,
        merged_at,
        after_import,
    )


async def merge(connection: Connection, uai: Uai, merge_id: UUID) -> Record | None:
    """One merge of the school."""
    return await connection.fetchrow(f"{_NAMED} WHERE m.id = $1 AND m.uai = $2", merge_id, uai)


async def merges_of(
    connection: Connection, uai: Uai, before: UUID | None, limit: int
) -> list[Record]:
    """The merges of a school, newest first, those with an id below `before`."""
    return await connection.fetch(
        f"""
        {_NAMED}
        WHERE m.uai = $1 AND ($2::uuid IS NULL OR m.id < $2) ORDER BY m.id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def set_undone(
    connection: Connection, merge_id: UUID, undone_by: str, undone_at: dt.datetime
) -> None:
    """Note that a merge was undone."""
    await connection.execute(
        "UPDATE merge SET undone_by = $2, undone_at = $3 WHERE id = $1",
        merge_id,
        undone_by,
        undone_at,
    )


async def forget_cards(connection: Connection, before: dt.datetime) -> None:
    """Erase the former cards of merges made before that moment, which are final."""
    await connection.execute(
        """
        UPDATE merge SET survivor_before = NULL, merged_before = NULL
        WHERE merged_at < $1 AND survivor_before IS NOT NULL
        """,
        before,
    )
