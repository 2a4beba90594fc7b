"""SQL: what inspectors have looked at, and when they were there before."""

import datetime as dt
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

from services.inspector_access.domain.access import VISIT_PAUSE
from shared.database import Connection
from shared.identifiers import Uai


class What(StrEnum):
    """What was asked for."""

    CARD = "card"
    LEARNERS = "learners"
    LEARNER = "learner"
    COUNTS = "counts"
    RECORDS = "records"
    RECORD = "record"


async def note(
    connection: Connection,
    access: Record,
    person: UUID,
    what: What,
    pupil_id: UUID | None,
) -> None:
    """Note a look of an inspector to whom `access` (a row of `open_to`) is open."""
    await connection.execute(
        """
        INSERT INTO look (at, uai, diploma, person, inspector_name, what, pupil_id)
        VALUES (clock_timestamp(), $1, $2, $3, $4, $5, $6)
        """,
        access["uai"],
        access["diploma"],
        person,
        access["inspector_name"],
        what,
        pupil_id,
    )


async def visit(connection: Connection, person: UUID, uai: str, diploma: str) -> dt.datetime | None:
    """Note that the inspector is there; the last look of his previous visit, if there was one: by
    the real clock, as the moments of records are.
    """
    previous: dt.datetime | None = await connection.fetchval(
        """
        INSERT INTO visit (person, uai, diploma, last_at) VALUES ($1, $2, $3, clock_timestamp())
        ON CONFLICT (person, uai, diploma) DO UPDATE SET last_at = EXCLUDED.last_at,
            previous_at = CASE WHEN visit.last_at < EXCLUDED.last_at - $4::interval
                THEN visit.last_at ELSE visit.previous_at END
        RETURNING previous_at
        """,
        person,
        uai,
        diploma,
        VISIT_PAUSE,
    )
    return previous


async def looks_in(
    connection: Connection, uai: Uai, before: int | None, limit: int
) -> list[Record]:
    """The looks in a school, newest first, those earlier than the look `before`."""
    return await connection.fetch(
        """
        SELECT k.id, k.at, k.diploma, d.label, k.inspector_name, k.what, k.pupil_id
        FROM look k LEFT JOIN diploma d ON d.code = k.diploma
        WHERE k.uai = $1 AND ($2::bigint IS NULL OR k.id < $2) ORDER BY k.id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget looks and visits earlier than `before`."""
    await connection.execute("DELETE FROM look WHERE at < $1", before)
    await connection.execute("DELETE FROM visit WHERE last_at < $1", before)


async def forget_inspectors(connection: Connection, before: dt.datetime) -> None:
    """Forget referents whose time ended before that moment, then the inspectors in charge of
    nothing who were neither added nor seen since.
    """
    await connection.execute("DELETE FROM referent WHERE until_on < $1", before.date())
    await connection.execute(
        """
        DELETE FROM inspector i WHERE added_at < $1 AND coalesce(seen_at < $1, true)
            AND NOT EXISTS (SELECT FROM referent r WHERE r.inspector = i.id)
        """,
        before,
    )
