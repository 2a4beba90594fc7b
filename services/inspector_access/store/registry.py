"""SQL: schools, and the four tables that administrators send."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.inspector_access.domain.lines import (
    DiplomaLine,
    Facts,
    InspectorLine,
    Key,
    Line,
    Period,
    ReferentLine,
    SubscriptionLine,
)
from services.inspector_access.domain.nomenclature import Course, Found
from services.inspector_access.domain.tables import Table
from shared.database import Connection
from shared.events import SchoolUpdated
from shared.identifiers import Uai


async def keep_schools(connection: Connection, schools: Sequence[SchoolUpdated]) -> None:
    """Keep what is newer than what is held; `schools` holds each once. What may change who sees
    something is marked, to be settled.
    """
    await connection.executemany(
        """
        INSERT INTO school (uai, version, name, town, email, academie, open)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (uai) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name,
            town = EXCLUDED.town, email = EXCLUDED.email, academie = EXCLUDED.academie,
            open = EXCLUDED.open, unsettled = school.unsettled OR (school.open, school.academie)
                IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.academie)
        WHERE school.version < EXCLUDED.version
        """,
        [(s.uai, s.version, s.name, s.town, s.email, s.academie, s.open) for s in schools],
    )


async def unsettled(connection: Connection) -> list[str]:
    """The schools that are marked, no longer so from now on."""
    rows = await connection.fetch(
        "UPDATE school SET unsettled = false WHERE unsettled RETURNING uai"
    )
    return sorted(row["uai"] for row in rows)


async def facts(connection: Connection, academie: str) -> Facts:
    """What the lines of a table of this académie are held against."""
    schools = await connection.fetch("SELECT uai FROM school WHERE academie = $1", academie)
    inspectors = await connection.fetch("SELECT email FROM inspector WHERE academie = $1", academie)
    diplomas = await connection.fetch("SELECT code FROM diploma")
    return Facts(
        diplomas=frozenset(row["code"] for row in diplomas),
        schools=frozenset(row["uai"] for row in schools),
        inspectors=frozenset(row["email"] for row in inspectors),
        mefs=await mefs(connection),
    )


async def mefs(connection: Connection) -> dict[str, str | None]:
    """Every known MEF with its diploma, if it has one."""
    rows = await connection.fetch("SELECT code, diploma FROM mef")
    return {row["code"]: row["diploma"] for row in rows}


async def present(connection: Connection, table: Table, academie: str) -> dict[Key, Line]:
    """The lines of a table that are held of this académie (diplomas: all), by what each is known
    by, in order.
    """
    rows = await connection.fetch(_PRESENT[table], *([] if table is Table.DIPLOMAS else [academie]))
    lines = (_line(table, row) for row in rows)
    return {line.key: line for line in lines}


_PRESENT: Mapping[Table, str] = {
    Table.DIPLOMAS: """
        SELECT d.code, d.label, coalesce(array_agg(m.code ORDER BY m.code)
            FILTER (WHERE m.code IS NOT NULL), '{}') AS mefs
        FROM diploma d LEFT JOIN mef m ON m.diploma = d.code GROUP BY d.code ORDER BY d.code
    """,
    Table.INSPECTORS: "SELECT email, name FROM inspector WHERE academie = $1 ORDER BY email",
    Table.REFERENTS: """
        SELECT i.email, r.diploma, r.uai, r.from_on, r.until_on
        FROM referent r JOIN inspector i ON i.id = r.inspector
        WHERE i.academie = $1 ORDER BY i.email, r.diploma, r.uai
    """,
    Table.SUBSCRIPTIONS: """
        SELECT b.uai, b.diploma, b.from_on, b.until_on
        FROM subscription b JOIN school s USING (uai)
        WHERE s.academie = $1 ORDER BY b.uai, b.diploma
    """,
}


def _line(table: Table, row: Record) -> Line:
    match table:
        case Table.DIPLOMAS:
            return DiplomaLine(row["code"], row["label"], tuple(row["mefs"]))
        case Table.INSPECTORS:
            return InspectorLine(row["email"], row["name"])
        case Table.REFERENTS:
            period = Period(row["from_on"], row["until_on"])
            return ReferentLine(row["email"], row["diploma"], row["uai"], period)
        case Table.SUBSCRIPTIONS:
            period = Period(row["from_on"], row["until_on"])
            return SubscriptionLine(row["uai"], row["diploma"], period)


async def keep(connection: Connection, academie: str, lines: Sequence[Line]) -> None:
    """Keep new or changed lines of one table; those of an académie belong to `academie`."""
    await keep_diplomas(connection, [line for line in lines if isinstance(line, DiplomaLine)])
    inspectors = [line for line in lines if isinstance(line, InspectorLine)]
    await _keep_inspectors(connection, academie, inspectors)
    referents = [line for line in lines if isinstance(line, ReferentLine)]
    await _keep_referents(connection, academie, referents)
    subscriptions = [line for line in lines if isinstance(line, SubscriptionLine)]
    await _keep_subscriptions(connection, subscriptions)


async def keep_diplomas(connection: Connection, diplomas: Sequence[DiplomaLine]) -> None:
    """Keep diplomas with exactly these MEF; a MEF that one no longer has belongs to none."""
    await connection.executemany(
        """
        INSERT INTO diploma (code, label) VALUES ($1, $2)
        ON CONFLICT (code) DO UPDATE SET label = EXCLUDED.label
        """,
        [(line.code, line.label) for line in diplomas],
    )
    await connection.executemany(
        "UPDATE mef SET diploma = NULL WHERE diploma = $1 AND code <> ALL($2::text[])",
        [(line.code, line.mefs) for line in diplomas],
    )
    await connection.executemany(
        """
        INSERT INTO mef (code, diploma) VALUES ($1, $2)
        ON CONFLICT (code) DO UPDATE SET diploma = EXCLUDED.diploma
        """,
        [(mef, line.code) for line in diplomas for mef in line.mefs],
    )


async def _keep_inspectors(
    connection: Connection, academie: str, inspectors: Sequence[InspectorLine]
) -> None:
    await connection.executemany(
        """
        INSERT INTO inspector (id, email, academie, name) VALUES (gen_random_uuid(), $1, $2, $3)
        ON CONFLICT (email, academie) DO UPDATE SET name = EXCLUDED.name
        """,
        [(line.email, academie, line.name) for line in inspectors],
    )


async def _keep_referents(
    connection: Connection, academie: str, referents: Sequence[ReferentLine]
) -> None:
    await connection.executemany(
        """
        INSERT INTO referent (id, inspector, diploma, uai, from_on, until_on)
        SELECT gen_random_uuid(), i.id, $2, $3, $4, $5 FROM inspector i
        WHERE i.email = $1 AND i.academie = $6
        ON CONFLICT (inspector, diploma, uai) DO UPDATE SET from_on = EXCLUDED.from_on,
            until_on = EXCLUDED.until_on
        """,
        [
            (r.email, r.diploma, r.uai, r.period.from_on, r.period.until_on, academie)
            for r in referents
        ],
    )


async def _keep_subscriptions(
    connection: Connection, subscriptions: Sequence[SubscriptionLine]
) -> None:
    await connection.executemany(
        """
        INSERT INTO subscription (uai, diploma, from_on, until_on) VALUES ($1, $2, $3, $4)
        ON CONFLICT (uai, diploma) DO UPDATE SET from_on = EXCLUDED.from_on,
            until_on = EXCLUDED.until_on
        """,
        [(s.uai, s.diploma, s.period.from_on, s.period.until_on) for s in subscriptions],
    )


async def keep_nomenclature(
    connection: Connection, courses: Sequence[Course], diplomas: Sequence[Found]
) -> int:
    """Keep the labels of courses that have none, and what was found of diplomas: nothing that is
    known changes. Returns how many diplomas are new.
    """
    made = await connection.fetch(
        """
        INSERT INTO diploma (code, label) SELECT * FROM unnest($1::text[], $2::text[])
        ON CONFLICT DO NOTHING RETURNING code
        """,
        [found.code for found in diplomas],
        [found.label for found in diplomas],
    )
    leads_to = {mef: found.code for found in diplomas for mef in found.mefs}
    await connection.execute(
        """
        INSERT INTO mef (code, label, diploma)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
        ON CONFLICT (code) DO UPDATE SET label = coalesce(mef.label, EXCLUDED.label),
            diploma = coalesce(mef.diploma, EXCLUDED.diploma)
        """,
        [course.mef for course in courses],
        [course.label for course in courses],
        [leads_to.get(course.mef) for course in courses],
    )
    return len(made)


async def remove_referent(
    connection: Connection, academie: str, email: str, diploma: str, uai: str
) -> bool:
    """Remove a referent; False if there is no such one in the académie."""
    done: str = await connection.execute(
        """
        DELETE FROM referent r USING inspector i WHERE i.id = r.inspector AND i.academie = $1
            AND i.email = $2 AND r.diploma = $3 AND r.uai = $4
        """,
        academie,
        email,
        diploma,
        uai,
    )
    return done != "DELETE 0"


async def remove_subscription(
    connection: Connection, academie: str, uai: Uai, diploma: str
) -> bool:
    """End a school's subscription; False if it has none, or is of another académie."""
    done: str = await connection.execute(
        """
        DELETE FROM subscription b USING school s
        WHERE s.uai = b.uai AND s.academie = $1 AND b.uai = $2 AND b.diploma = $3
        """,
        academie,
        uai,
        diploma,
    )
    return done != "DELETE 0"


async def sign_in(connection: Connection, person: UUID, verified: str | None) -> list[Record]:
    """Bind the inspectors of a `verified` address to who signs in with it for the first time, and
    answer what the person is inspector of: name, academie.
    """
    await connection.execute(
        """
        UPDATE inspector SET person = $1 WHERE email = $2 AND person IS NULL
            AND NOT EXISTS (SELECT FROM inspector o WHERE o.email = $2 AND o.person <> $1)
        """,
        person,
        verified,
    )
    return await connection.fetch(
        """
        UPDATE inspector SET seen_at = clock_timestamp() WHERE person = $1
        RETURNING name, academie
        """,
        person,
    )
