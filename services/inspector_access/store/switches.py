"""SQL: the switches, who is in charge of what today, and who has been told."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from services.inspector_access.domain.access import Because
from shared.database import Connection
from shared.identifiers import Uai

_IN_FORCE = """
    SELECT b.uai, b.diploma, s.academie FROM subscription b JOIN school s USING (uai)
    WHERE s.open AND b.from_on <= $1 AND coalesce(b.until_on >= $1, true)
"""
"""The subscriptions of the day `$1`: (uai, diploma, academie)."""

_IN_CHARGE = """
    SELECT DISTINCT f.uai, f.diploma, i.id AS inspector, i.name, i.email, i.person
    FROM in_force f JOIN referent r USING (diploma) JOIN inspector i ON i.id = r.inspector
    WHERE (r.uai = f.uai OR (r.uai = '' AND i.academie = f.academie))
        AND r.from_on <= $1 AND coalesce(r.until_on >= $1, true)
"""
"""Who is referent inspector of what on the day `$1`, from the subscriptions `in_force`."""

_BOTH = f"WITH in_force AS ({_IN_FORCE}), in_charge AS ({_IN_CHARGE})"


async def lines(connection: Connection, uai: Uai, today: dt.date) -> list[Record]:
    """The diplomas to which a school is subscribed: diploma, label, referents (names), active,
    version, changed_at.
    """
    return await connection.fetch(
        f"""
        {_BOTH}
        SELECT f.diploma, d.label, coalesce(w.active, false) AS active,
            coalesce(w.version, 0) AS version, w.changed_at,
            ARRAY(SELECT c.name FROM in_charge c
                WHERE (c.uai, c.diploma) = (f.uai, f.diploma)) AS referents
        FROM in_force f JOIN diploma d ON d.code = f.diploma
        LEFT JOIN switch w USING (uai, diploma)
        WHERE f.uai = $2
        """,
        today,
        uai,
    )


async def position(connection: Connection, uai: Uai, diploma: str, today: dt.date) -> Record | None:
    """Where a switch stands (active, version); None if the school is not subscribed today."""
    return await connection.fetchrow(
        f"""
        WITH in_force AS ({_IN_FORCE})
        SELECT coalesce(w.active, false) AS active, coalesce(w.version, 0) AS version
        FROM in_force f LEFT JOIN switch w USING (uai, diploma)
        WHERE f.uai = $2 AND f.diploma = $3
        """,
        today,
        uai,
        diploma,
    )


async def mefs_of_school(connection: Connection, uai: Uai, today: dt.date) -> list[str]:
    """The MEF of the diplomas to which the school is subscribed."""
    rows = await connection.fetch(
        f"""
        WITH in_force AS ({_IN_FORCE})
        SELECT m.code FROM in_force f JOIN mef m USING (diploma) WHERE f.uai = $2
        """,
        today,
        uai,
    )
    return [row["code"] for row in rows]


async def labels_of_mefs(connection: Connection, mefs: Sequence[str]) -> dict[str, str]:
    """What a Nomenclature calls these MEF; unknown ones are missing."""
    rows = await connection.fetch(
        "SELECT code, label FROM mef WHERE code = ANY($1::text[]) AND label IS NOT NULL", mefs
    )
    return {row["code"]: row["label"] for row in rows}


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to a switch, and who are to be told."""

    uai: str
    diploma: str
    inspectors: Sequence[UUID]
    active: bool
    because: Because


async def in_charge(connection: Connection, uai: Uai, diploma: str, today: dt.date) -> list[UUID]:
    """The referents of a diploma in a school."""
    rows = await connection.fetch(
        f"{_BOTH} SELECT inspector FROM in_charge WHERE uai = $2 AND diploma = $3",
        today,
        uai,
        diploma,
    )
    return [row["inspector"] for row in rows]


async def told(connection: Connection, uai: Uai, diploma: str) -> list[UUID]:
    """Who believes that access is open."""
    rows = await connection.fetch(
        "SELECT inspector FROM told WHERE uai = $1 AND diploma = $2", uai, diploma
    )
    return [row["inspector"] for row in rows]


async def ended(connection: Connection, today: dt.date) -> list[Record]:
    """Switches that are on although the subscription has ended: uai, diploma, inspectors (told)."""
    return await connection.fetch(
        f"""
        WITH in_force AS ({_IN_FORCE})
        SELECT w.uai, w.diploma, ARRAY(SELECT t.inspector FROM told t
            WHERE (t.uai, t.diploma) = (w.uai, w.diploma)) AS inspectors
        FROM switch w WHERE w.active AND NOT EXISTS
            (SELECT FROM in_force f WHERE (f.uai, f.diploma) = (w.uai, w.diploma))
        ORDER BY w.uai, w.diploma
        """,
        today,
    )


async def untold(connection: Connection, today: dt.date) -> list[Record]:
    """Where a switch is on: whom to tell that access is open to them, or (`named` is false) that it
    is no longer: uai, diploma, named, inspectors.
    """
    return await connection.fetch(
        f"""
        {_BOTH}
        SELECT uai, diploma, c.inspector IS NOT NULL AS named,
            array_agg(coalesce(c.inspector, t.inspector)) AS inspectors
        FROM (SELECT in_charge.* FROM in_charge JOIN switch USING (uai, diploma) WHERE active) c
        FULL JOIN (SELECT told.* FROM told JOIN switch USING (uai, diploma) WHERE active) t
            USING (uai, diploma, inspector)
        WHERE c.uai IS NULL OR t.uai IS NULL
        GROUP BY uai, diploma, named ORDER BY uai, diploma, named
        """,
        today,
    )


async def do(connection: Connection, act: Act, by: str, now: dt.datetime) -> Record:
    """Bring a switch to where an act puts it, note who is told and the change; answers version,
    label, and names and emails of those to be told.
    """
    version = await connection.fetchval(
        """
        INSERT INTO switch (uai, diploma, active, version, changed_at) VALUES ($1, $2, $3, 1, $4)
        ON CONFLICT (uai, diploma) DO UPDATE SET active = EXCLUDED.active,
            version = switch.version + 1,
            changed_at = CASE WHEN switch.active = EXCLUDED.active THEN switch.changed_at
                ELSE EXCLUDED.changed_at END
        RETURNING version
        """,
        act.uai,
        act.diploma,
        act.because in ("referent-named", "referent-removed") or act.active,
        now,
    )
    await _tell(connection, act)
    [row] = await connection.fetch(
        """
        WITH noted AS (
            INSERT INTO switch_change
                (uai, diploma, version, active, because, recipients, changed_by, changed_at)
            VALUES ($1, $2, $3, $4, $5, cardinality($6::uuid[]), $7, $8)
        )
        SELECT $3::int AS version, d.label,
            ARRAY(SELECT name FROM inspector WHERE id = ANY($6) ORDER BY email, id) AS names,
            ARRAY(SELECT email FROM inspector WHERE id = ANY($6) ORDER BY email, id) AS emails
        FROM diploma d WHERE d.code = $2
        """,
        act.uai,
        act.diploma,
        version,
        act.active,
        act.because,
        act.inspectors,
        by,
        now,
    )
    return row


async def _tell(connection: Connection, act: Act) -> None:
    """Note that these inspectors are told."""
    if act.active:
        statement = """
            INSERT INTO told (uai, diploma, inspector) SELECT $1, $2, unnest($3::uuid[])
            ON CONFLICT DO NOTHING
        """
    else:
        statement = """
            DELETE FROM told WHERE uai = $1 AND diploma = $2 AND inspector = ANY($3::uuid[])
        """
    await connection.execute(statement, act.uai, act.diploma, act.inspectors)


async def history(connection: Connection, uai: Uai, diploma: str) -> list[Record]:
    """What has happened to a switch, newest first."""
    return await connection.fetch(
        """
        SELECT version, active, because, recipients, changed_by, changed_at FROM switch_change
        WHERE uai = $1 AND diploma = $2 ORDER BY version DESC
        """,
        uai,
        diploma,
    )


async def open_to(
    connection: Connection,
    person: UUID,
    today: dt.date,
    uai: Uai | None = None,
    diploma: str | None = None,
) -> list[Record]:
    """What is open to an inspector now (in one school, of one diploma): uai, school, town, email,
    diploma, label, inspector_name, since, mefs, last_at (his last look).
    """  # fmt: skip
    return await connection.fetch(
        f"""
        {_BOTH}
        SELECT DISTINCT ON (c.uai, c.diploma) c.uai, s.name AS school, s.town, s.email, c.diploma,
            d.label, c.name AS inspector_name, w.changed_at AS since, v.last_at,
            ARRAY(SELECT m.code FROM mef m WHERE m.diploma = c.diploma ORDER BY m.code) AS mefs
        FROM in_charge c JOIN switch w USING (uai, diploma) JOIN school s USING (uai)
        JOIN diploma d ON d.code = c.diploma
        LEFT JOIN visit v ON (v.person, v.uai, v.diploma) = ($2, c.uai, c.diploma)
        WHERE w.active AND c.person = $2 AND ($3::text IS NULL OR c.uai = $3)
            AND ($4::text IS NULL OR c.diploma = $4)
        ORDER BY c.uai, c.diploma
        """,
        today,
        person,
        uai,
        diploma,
    )
