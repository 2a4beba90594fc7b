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
    WHERE i.academie = f.academie AND r.uai IN ('', f.uai)
        AND r.from_on <= $1 AND coalesce(r.until_on >= $1, true)
"""
"""Who is referent inspector of what on the day `$1`, from the subscriptions `in_force`."""

_SUBSCRIBED = f"WITH in_force AS NOT MATERIALIZED ({_IN_FORCE})"
_BOTH = f"{_SUBSCRIBED}, in_charge AS NOT MATERIALIZED ({_IN_CHARGE})"
"""Not materialised, so that a question about one school or inspector reads no others."""


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
        {_SUBSCRIBED}
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
        {_SUBSCRIBED}
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


VERSIONS_BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
VERSION_SECONDS = 2
"""A version is the time since then in this unit, or one more than the one before: what happens
after a restore is above all that was told before it (ADR 67). Nine digits of it last until 2083.
"""


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


async def ended(
    connection: Connection, today: dt.date, schools: Sequence[str] | None
) -> list[Record]:
    """Switches (of some schools) that are on although the subscription has ended: uai, diploma,
    inspectors (told).
    """
    return await connection.fetch(
        f"""
        {_SUBSCRIBED}
        SELECT w.uai, w.diploma, ARRAY(SELECT t.inspector FROM told t
            WHERE (t.uai, t.diploma) = (w.uai, w.diploma)) AS inspectors
        FROM switch w WHERE w.active AND ($2::text[] IS NULL OR w.uai = ANY($2)) AND NOT EXISTS
            (SELECT FROM in_force f WHERE (f.uai, f.diploma) = (w.uai, w.diploma))
        ORDER BY w.uai, w.diploma
        """,
        today,
        schools,
    )


async def untold(
    connection: Connection, today: dt.date, schools: Sequence[str] | None
) -> list[Record]:
    """Where a switch (of some schools) is on: whom to tell that access is open to them, or (`named`
    is false) that it is no longer: uai, diploma, named, inspectors; those who are named last.
    """
    return await connection.fetch(
        f"""
        {_BOTH}, switched_on AS (
            SELECT uai, diploma FROM switch
            WHERE active AND ($2::text[] IS NULL OR uai = ANY($2))
        )
        SELECT uai, diploma, c.inspector IS NOT NULL AS named,
            array_agg(coalesce(c.inspector, t.inspector)) AS inspectors
        FROM (SELECT in_charge.* FROM in_charge JOIN switched_on USING (uai, diploma)) c
        FULL JOIN (SELECT told.* FROM told JOIN switched_on USING (uai, diploma)) t
            USING (uai, diploma, inspector)
        WHERE c.uai IS NULL OR t.uai IS NULL
        GROUP BY uai, diploma, named ORDER BY named, uai, diploma
        """,
        today,
        schools,
    )


async def do(
    connection: Connection, acts: Sequence[Act], by: str, now: dt.datetime
) -> list[Record]:
    """Bring switches to where acts put them (each switch once), note who is told and the changes;
    answers, in the order of the acts: version, label, and names and emails of those to be told.
    """
    return await connection.fetch(
        """
        WITH act AS (
            SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::text[], $9::int[])
                WITH ORDINALITY AS a (uai, diploma, active, because, recipients, place)
        ), concerned AS (
            SELECT * FROM unnest($5::int[], $6::uuid[]) AS c (place, inspector)
        ), switched AS (
            INSERT INTO switch (uai, diploma, active, version, changed_at)
            SELECT uai, diploma, active OR because = 'referent-removed', $10, $8 FROM act
            ON CONFLICT (uai, diploma) DO UPDATE SET active = EXCLUDED.active,
                version = greatest(switch.version + 1, EXCLUDED.version),
                changed_at = CASE WHEN switch.active = EXCLUDED.active THEN switch.changed_at
                    ELSE EXCLUDED.changed_at END
            RETURNING uai, diploma, version
        ), opened AS (
            INSERT INTO told (uai, diploma, inspector)
            SELECT uai, diploma, inspector FROM act JOIN concerned USING (place) WHERE active
            ON CONFLICT DO NOTHING
        ), closed AS (
            DELETE FROM told t USING act JOIN concerned c USING (place)
            WHERE NOT act.active
                AND (t.uai, t.diploma, t.inspector) = (act.uai, act.diploma, c.inspector)
        ), noted AS (
            INSERT INTO switch_change
                (uai, diploma, version, active, because, recipients, changed_by, changed_at)
            SELECT uai, diploma, version, active, because, recipients, $7, $8
            FROM act JOIN switched USING (uai, diploma)
        ), recipient AS (
            SELECT place, array_agg(name ORDER BY email, id) AS names,
                array_agg(email ORDER BY email, id) AS emails
            FROM concerned JOIN inspector ON id = inspector GROUP BY place
        )
        SELECT version, label, coalesce(names, '{}') AS names, coalesce(emails, '{}') AS emails
        FROM act JOIN switched USING (uai, diploma) JOIN diploma d ON d.code = act.diploma
        LEFT JOIN recipient USING (place) ORDER BY place
        """,
        [act.uai for act in acts],
        [act.diploma for act in acts],
        [act.active for act in acts],
        [act.because for act in acts],
        [place for place, act in enumerate(acts, start=1) for _ in act.inspectors],
        [inspector for act in acts for inspector in act.inspectors],
        by,
        now,
        [len(act.inspectors) for act in acts],
        int((now - VERSIONS_BEGIN).total_seconds()) // VERSION_SECONDS,
    )


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


async def forget_changes(connection: Connection, before: dt.datetime) -> None:
    """Forget what happened to switches before that moment; where they stand stays."""
    await connection.execute("DELETE FROM switch_change WHERE changed_at < $1", before)


_OPEN = f"""
    {_BOTH}
    SELECT DISTINCT ON (c.uai, c.diploma) c.uai, s.name AS school, s.town, s.email, c.diploma,
        d.label, c.name AS inspector_name, w.changed_at AS since, v.last_at,
        ARRAY(SELECT m.code FROM mef m WHERE m.diploma = c.diploma ORDER BY m.code) AS mefs
    FROM in_charge c JOIN switch w USING (uai, diploma) JOIN school s USING (uai)
    JOIN diploma d ON d.code = c.diploma
    LEFT JOIN visit v ON (v.person, v.uai, v.diploma) = ($2, c.uai, c.diploma)
    WHERE w.active AND c.person = $2
"""
"""What is open to an inspector now: uai, school, town, email, diploma, label, inspector_name,
since, mefs, last_at (his last look).
"""


async def open_to(connection: Connection, person: UUID, today: dt.date) -> list[Record]:
    """All that is open to an inspector now."""
    return await connection.fetch(f"{_OPEN} ORDER BY c.uai, c.diploma", today, person)


async def access_to(
    connection: Connection, person: UUID, today: dt.date, uai: Uai, diploma: str
) -> Record | None:
    """This diploma of this school, if it is open to the inspector now."""
    return await connection.fetchrow(
        f"{_OPEN} AND c.uai = $3 AND c.diploma = $4", today, person, uai, diploma
    )
