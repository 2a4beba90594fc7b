"""Rights: given, ended, and what they come to for a person or a school at a moment.

The rights in a closed school pass to whom its successor has; without one, to the administrators of
its académie, who then have what its head had (ADR 24). `_END` follows successors to that school.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from uuid import UUID

from asyncpg import Record

from services.etablissement.domain.granting import ADMINISTRATORS
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Role

_NOW = "r.valid_from <= $2 AND (r.valid_until IS NULL OR r.valid_until > $2)"
_ADMINISTRATORS = ", ".join(f"'{role}'" for role in ADMINISTRATORS)
_END = """
    chain AS (
        SELECT uai AS asked, uai, open, successor, academie FROM school WHERE uai = ANY($1::text[])
        UNION
        SELECT c.asked, s.uai, s.open, s.successor, s.academie
        FROM chain c JOIN school s ON s.uai = c.successor
    ), ends AS (SELECT * FROM chain WHERE successor IS NULL)
"""


async def give(
    connection: Connection,
    right: UUID,
    person: UUID,
    role: Role,
    place: tuple[Uai | None, str | None],
    term: tuple[dt.datetime, dt.datetime | None],
    by: str,
    at: dt.datetime,
) -> bool:
    """Give a right at a school or in an académie (`place`), from when to when (`term`), with its
    trace; False if the person holds it already, or will, for as long.
    """
    done = await connection.execute(
        """
        WITH given AS (
            INSERT INTO held_right
                (id, person, role, uai, academie, valid_from, valid_until, given_by, given_at)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
            WHERE NOT EXISTS (
                SELECT FROM held_right WHERE person = $2 AND role = $3
                AND uai IS NOT DISTINCT FROM $4 AND academie IS NOT DISTINCT FROM $5
                AND valid_from <= $6 AND coalesce(valid_until, 'infinity')
                    >= coalesce($7::timestamptz, 'infinity')
            )
            RETURNING *
        )
        INSERT INTO right_change (right_id, person, role, uai, academie, act, valid_from,
            valid_until, changed_by, changed_at)
        SELECT id, person, role, uai, academie, 'given', valid_from, valid_until, $8, $9 FROM given
        """,
        right,
        person,
        role,
        *place,
        *term,
        by,
        at,
    )
    return bool(done == "INSERT 0 1")


async def one(connection: Connection, right: UUID, at: dt.datetime) -> Record | None:
    """A right that has not ended."""
    return await connection.fetchrow(
        """
        SELECT * FROM held_right r WHERE id = $1 AND (valid_until IS NULL OR valid_until > $2)
        """,
        right,
        at,
    )


async def end(
    connection: Connection,
    person: UUID,
    roles: Sequence[Role],
    uai: str | None,
    academie: str | None,
    by: str,
    at: dt.datetime,
) -> int:
    """End the rights with these roles of a person at a place now, with their trace; returns how
    many. One that has not begun never begins.
    """
    done = await connection.execute(
        """
        WITH ended AS (
            UPDATE held_right SET valid_until = greatest(valid_from, $5)
            WHERE person = $1 AND role = ANY($2::text[]) AND uai IS NOT DISTINCT FROM $3
                AND academie IS NOT DISTINCT FROM $4
                AND (valid_until IS NULL OR valid_until > $5)
            RETURNING *
        )
        INSERT INTO right_change (right_id, person, role, uai, academie, act, valid_from,
            valid_until, changed_by, changed_at)
        SELECT id, person, role, uai, academie, 'ended', valid_from, valid_until, $6, $5 FROM ended
        """,
        person,
        list(roles),
        uai,
        academie,
        at,
        by,
    )
    return int(done.split()[-1])


async def roles_in(connection: Connection, person: UUID, uai: Uai, at: dt.datetime) -> set[Role]:
    """The roles of a person's rights in a school that have not ended."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT role FROM held_right
        WHERE person = $1 AND uai = $2 AND (valid_until IS NULL OR valid_until > $3)
        """,
        person,
        uai,
        at,
    )
    return {Role(row["role"]) for row in rows}


async def other_heads(connection: Connection, uai: Uai, at: dt.datetime, besides: UUID) -> int:
    """How many persons are head of the school now, without an end, `besides` one."""
    count: int = await connection.fetchval(
        f"""
        SELECT count(DISTINCT r.person) FROM held_right r
        WHERE r.uai = $1 AND r.role = '{Role.DIRECTION}' AND r.person <> $3 AND {_NOW}
            AND r.valid_until IS NULL
        """,
        uai,
        at,
        besides,
    )
    return count


async def lock(connection: Connection, uai: Uai) -> None:
    """Have the rights of a school ended one after the other, so that the last head stays."""
    await connection.execute("SELECT FROM school WHERE uai = $1 FOR NO KEY UPDATE", uai)


async def of_school(
    connection: Connection,
    uai: Uai,
    at: dt.datetime,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Record]:
    """The rights in a school that have not ended, with their persons, by name: those of all of
    them, or of the first `limit` persons behind `after`.
    """
    return await connection.fetch(
        """
        WITH held AS (
            SELECT r.id, r.role, r.valid_from, r.valid_until, r.given_by, r.given_at,
                p.id AS person, p.name, p.function, p.email, p.account IS NOT NULL AS has_come,
                dense_rank() OVER (ORDER BY p.name, p.id) AS place
            FROM held_right r JOIN person p ON p.id = r.person
            WHERE r.uai = $1 AND (r.valid_until IS NULL OR r.valid_until > $2)
                AND ($3::uuid IS NULL OR (p.name, p.id) > (
                    SELECT b.name, b.id FROM person b WHERE b.id = $3
                        AND EXISTS (SELECT FROM held_right h WHERE h.person = b.id AND h.uai = $1)
                ))
        )
        SELECT * FROM held WHERE $4::int IS NULL OR place <= $4 ORDER BY name, person, role
        """,
        uai,
        at,
        after,
        limit,
    )


async def members(connection: Connection, uai: Uai, accounts: Collection[str]) -> list[Record]:
    """Who these accounts are: account, name, function; of those who ever had a right in the school
    and are still known here.
    """
    return await connection.fetch(
        """
        SELECT p.account::text AS account, p.name, p.function FROM person p
        WHERE p.account::text = ANY($2::text[])
            AND EXISTS (SELECT FROM held_right r WHERE r.person = p.id AND r.uai = $1)
        """,
        uai,
        list(accounts),
    )


async def history(connection: Connection, uai: Uai, before: int | None, limit: int) -> list[Record]:
    """Who was given or has lost which right in a school, newest first, with the names of persons
    who are still known here.
    """
    return await connection.fetch(
        """
        SELECT c.id, c.act, c.role, c.person, c.valid_from, c.valid_until, c.changed_by,
            c.changed_at, p.name, b.name AS by_name
        FROM right_change c LEFT JOIN person p ON p.id = c.person
            LEFT JOIN person b ON b.account::text = c.changed_by
        WHERE c.uai = $1 AND ($2::bigint IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def schools_of(connection: Connection, person: UUID, at: dt.datetime) -> list[Record]:
    """The schools in which a person has rights now, with the roles: open ones, and closed ones that
    these go on with.
    """
    return await connection.fetch(
        f"""
        WITH RECURSIVE heir AS (
            SELECT s.uai, s.name, s.open, r.role
            FROM held_right r JOIN school s ON s.uai = r.uai
            WHERE r.person = $1 AND s.open AND {_NOW}
            UNION
            SELECT s.uai, s.name, s.open, h.role FROM heir h JOIN school s ON s.successor = h.uai
        )
        SELECT uai, name, array_agg(DISTINCT role) AS roles FROM heir GROUP BY uai, name
        ORDER BY uai
        """,
        person,
        at,
    )


async def academies_of(connection: Connection, person: UUID, at: dt.datetime) -> list[Record]:
    """The académies in which a person has rights now, with the roles."""
    return await connection.fetch(
        f"""
        SELECT r.academie, array_agg(DISTINCT r.role) AS roles FROM held_right r
        WHERE r.person = $1 AND r.academie IS NOT NULL AND {_NOW} GROUP BY r.academie
        """,
        person,
        at,
    )


async def roles_at(connection: Connection, uai: Uai, at: dt.datetime, account: UUID) -> list[str]:
    """The roles that the person of an account has at a school now, by its UAI or its académie."""
    rows = await connection.fetch(
        f"""
        WITH RECURSIVE {_END}, mine AS (
            SELECT r.* FROM held_right r JOIN person p ON p.id = r.person
            WHERE p.account = $3 AND {_NOW}
        )
        SELECT m.role FROM mine m JOIN ends e ON e.open AND m.uai = e.uai
        UNION
        SELECT m.role FROM mine m JOIN chain c ON m.academie IN (c.academie, '*')
        UNION
        SELECT '{Role.DIRECTION}' FROM mine m JOIN ends e ON m.academie IN (e.academie, '*')
        WHERE NOT e.open AND m.role IN ({_ADMINISTRATORS})
        """,
        [uai],
        at,
        account,
    )
    return sorted(row["role"] for row in rows)


async def holders(
    connection: Connection, uais: Sequence[Uai], at: dt.datetime, roles: Sequence[Role]
) -> list[Record]:
    """Who has one of these roles now in each school, by rights in the school or in its successor.
    Administrators are not among them: they have so many schools that nobody would write to them.
    """
    return await connection.fetch(
        f"""
        WITH RECURSIVE {_END}
        SELECT DISTINCT e.asked, p.email, p.name FROM ends e
        JOIN held_right r ON e.open AND r.uai = e.uai JOIN person p ON p.id = r.person
        WHERE r.role = ANY($3::text[]) AND {_NOW} ORDER BY e.asked, p.email
        """,
        uais,
        at,
        list(roles),
    )


async def forget_traces(connection: Connection, before: dt.datetime) -> None:
    """Forget who was given or has lost which right earlier."""
    await connection.execute("DELETE FROM right_change WHERE changed_at < $1", before)
