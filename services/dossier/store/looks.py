"""SQL: who has seen records of a learner."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

from services.dossier.store.records import CARDS
from shared.database import Connection
from shared.identifiers import Uai


class What(StrEnum):
    """What was looked at."""

    LIST = "list"
    RECORD = "record"
    SEARCH = "search"
    ATTACHMENT = "attachment"
    EXPORT = "export"


async def note(
    connection: Connection, uai: Uai, viewer: str, what: What, pupils: Collection[UUID]
) -> None:
    """Note that `viewer` looks at records of these learners of the school."""
    await connection.execute(
        """
        INSERT INTO look (pupil_id, uai, viewer, what)
        SELECT pupil_id, $2, $3, $4 FROM unnest($1::uuid[]) AS p (pupil_id)
        """,
        sorted(pupils),
        uai,
        viewer,
        what,
    )


async def looks_at(
    connection: Connection, pupil_id: UUID, before: int | None, limit: int
) -> list[Record]:
    """The looks at a learner's records, newest first, those earlier than the look `before`."""
    return await connection.fetch(
        f"""
        {CARDS} SELECT id, at, viewer, what FROM look JOIN card USING (pupil_id)
        WHERE $2::bigint IS NULL OR id < $2 ORDER BY id DESC LIMIT $3
        """,
        [pupil_id],
        before,
        limit,
    )


async def move(connection: Connection, transfer_id: UUID) -> Record | None:
    """The move of a transfer whose learners are both known: origin, destination (the schools),
    destination_pupil and decided_at.
    """
    return await connection.fetchrow(
        """
        SELECT o.uai AS origin, d.uai AS destination, m.destination_pupil, m.decided_at
        FROM move m JOIN learner o ON o.pupil_id = m.origin_pupil
        JOIN learner d ON d.pupil_id = m.destination_pupil
        WHERE m.transfer_id = $1 AND m.outcome = 'transferred'
        """,
        transfer_id,
    )


_RECEIVED = """
    WITH RECURSIVE onward (pupil_id) AS (
        SELECT $1::uuid
        UNION
        SELECT l.merged_into FROM onward JOIN learner l USING (pupil_id)
        WHERE l.merged_into IS NOT NULL
    ), seen AS (
        SELECT look.* FROM look JOIN onward USING (pupil_id) WHERE at >= $2 AND at < $3
    )
"""
"""The looks at who has received records, and at whom he goes on as since, in a span of time."""


async def lookers(
    connection: Connection, pupil_id: UUID, since: dt.datetime, until: dt.datetime
) -> int:
    """How many persons and modules have looked at who has received records."""
    number: int = await connection.fetchval(
        f"{_RECEIVED} SELECT count(DISTINCT viewer) FROM seen", pupil_id, since, until
    )
    return number


async def looks_received(
    connection: Connection,
    pupil_id: UUID,
    since: dt.datetime,
    until: dt.datetime,
    *,
    after: int | None,
    limit: int,
) -> list[Record]:
    """Those looks, oldest first, later than the look `after`."""
    return await connection.fetch(
        f"""
        {_RECEIVED} SELECT id, at, viewer, what FROM seen
        WHERE $4::bigint IS NULL OR id > $4 ORDER BY id LIMIT $5
        """,
        pupil_id,
        since,
        until,
        after,
        limit,
    )


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget looks earlier than `before`."""
    await connection.execute("DELETE FROM look WHERE at < $1", before)


async def forget_erased(connection: Connection) -> None:
    """Forget looks at learners who were erased."""
    await connection.execute("DELETE FROM look USING erased WHERE erased.pupil_id = look.pupil_id")
