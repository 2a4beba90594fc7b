"""SQL: what inspectors are shown of a school's learners, and how many follow each course."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai

_SHOWN = "id, family_name, usage_name, first_name, division, mef, active"
"""All that an inspector is shown of a learner."""

_OF_COURSES = "uai = $1 AND mef = ANY($2::text[]) AND merged_into IS NULL"


async def learners(
    connection: Connection, uai: Uai, mefs: Sequence[str], *,
    active: bool, after: UUID | None, limit: int,
) -> list[Record]:  # fmt: skip
    """The learners of these courses by name, those behind `after`."""
    return await connection.fetch(
        f"""
        SELECT {_SHOWN} FROM pupil WHERE {_OF_COURSES} AND active = $3
            AND ($4::uuid IS NULL
                OR (folded, id) > (SELECT folded, id FROM pupil WHERE id = $4 AND uai = $1))
        ORDER BY folded, id LIMIT $5
        """,
        uai,
        mefs,
        active,
        after,
        limit,
    )


async def learner(
    connection: Connection, uai: Uai, mefs: Sequence[str], pupil_id: UUID
) -> Record | None:
    """One learner, if he follows one of these courses in the school."""
    return await connection.fetchrow(
        f"SELECT {_SHOWN} FROM pupil WHERE {_OF_COURSES} AND id = $3", uai, mefs, pupil_id
    )


async def is_of_school(connection: Connection, uai: Uai, pupil_id: UUID) -> bool:
    """Whether the school's base holds a learner."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pupil WHERE id = $2 AND uai = $1)", uai, pupil_id
    )
    return found


async def count_by_mef(connection: Connection, uai: Uai) -> list[Record]:
    """How many active learners of the school follow each course (mef, learners); mef is null for
    those without one.
    """
    return await connection.fetch(
        """
        SELECT mef, count(*) AS learners FROM pupil
        WHERE uai = $1 AND active AND merged_into IS NULL GROUP BY mef ORDER BY mef
        """,
        uai,
    )
