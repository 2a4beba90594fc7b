"""SQL: which schools take part, and what the registry says of them."""

from collections.abc import Sequence

from asyncpg import Record

from services.transfer.store.presences import columns
from shared.database import Connection
from shared.events import SchoolUpdated
from shared.identifiers import Uai


async def participation(connection: Connection, uai: Uai) -> Record | None:
    """The school's switch (active, version, changed_at), if it has ever been set."""
    return await connection.fetchrow(
        "SELECT active, version, changed_at FROM participation WHERE uai = $1", uai
    )


async def switch(
    connection: Connection, uai: Uai, version: int, changed_by: str, *, active: bool
) -> Record | None:
    """Set the school's switch and note who did; None if `version` is no longer the present one."""
    return await connection.fetchrow(
        """
        WITH switched AS (
            INSERT INTO participation (uai, active, version, changed_at)
            SELECT $1, $2, 1, clock_timestamp() WHERE $3 = 0
            ON CONFLICT DO NOTHING RETURNING active, version, changed_at
        ), again AS (
            UPDATE participation SET active = $2, version = version + 1,
                changed_at = clock_timestamp()
            WHERE uai = $1 AND version = $3 RETURNING active, version, changed_at
        ), noted AS (
            INSERT INTO participation_change (uai, version, active, changed_by, changed_at)
            SELECT $1, version, active, $4, changed_at
            FROM (SELECT * FROM switched UNION ALL SELECT * FROM again) AS s
        )
        SELECT * FROM switched UNION ALL SELECT * FROM again
        """,
        uai,
        active,
        version,
        changed_by,
    )


async def history(connection: Connection, uai: Uai) -> list[Record]:
    """Each time the switch was set: version, active, changed_by, changed_at; newest first."""
    return await connection.fetch(
        """
        SELECT version, active, changed_by, changed_at FROM participation_change
        WHERE uai = $1 ORDER BY version DESC
        """,
        uai,
    )


async def keep_schools(connection: Connection, schools: Sequence[SchoolUpdated]) -> None:
    """Keep what is newer than what is held."""
    newest = {s.uai: s for s in sorted(schools, key=lambda s: s.version)}.values()
    await connection.execute(
        """
        INSERT INTO school (uai, version, name, academie, open, successor, changed_at)
        SELECT *, clock_timestamp() FROM unnest($1::text[], $2::int[], $3::text[], $4::text[],
            $5::bool[], $6::text[])
        ON CONFLICT (uai) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name,
            academie = EXCLUDED.academie, open = EXCLUDED.open, successor = EXCLUDED.successor,
            changed_at = EXCLUDED.changed_at
        WHERE school.version < EXCLUDED.version
        """,
        *columns((s.uai, s.version, s.name, s.academie, s.open, s.successor) for s in newest),
    )


async def closed(connection: Connection, schools: Sequence[Uai]) -> list[Uai]:
    """Those of `schools` that are closed."""
    rows = await connection.fetch(
        "SELECT uai FROM school WHERE uai = ANY($1::text[]) AND NOT open", schools
    )
    return [Uai(row["uai"]) for row in rows]


async def destinations(connection: Connection, schools: Sequence[Uai]) -> dict[Uai, Record]:
    """What is known of schools as destinations of an offer: open, successor, participates, and the
    import in force (horodatage, school_year, source), by UAI; unknown ones are missing.
    """
    rows = await connection.fetch(
        """
        SELECT d.uai, coalesce(s.open, true) AS open, s.successor,
            coalesce(p.active, false) AS participates, i.horodatage, i.school_year, i.source
        FROM unnest($1::text[]) AS d (uai)
        LEFT JOIN school s ON s.uai = d.uai
        LEFT JOIN participation p ON p.uai = d.uai
        LEFT JOIN import_in_force i ON i.uai = d.uai
        WHERE s.uai IS NOT NULL OR p.uai IS NOT NULL OR i.uai IS NOT NULL
        """,
        schools,
    )
    return {Uai(row["uai"]): row for row in rows}
