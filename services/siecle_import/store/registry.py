"""The schools of the registry, as far as this service must know them: which ones are closed."""

from collections.abc import Collection, Sequence

from asyncpg import Record

from shared.database import Connection
from shared.events import SchoolUpdated
from shared.identifiers import Uai


async def keep(connection: Connection, schools: Sequence[SchoolUpdated]) -> None:
    """Keep what is newer than what is held; a closed school is `to_close`."""
    newest = {s.uai: s for s in sorted(schools, key=lambda s: s.version)}
    told = [newest[uai] for uai in sorted(newest)]
    await connection.execute(
        """
        INSERT INTO registered_school (uai, version, name, open, successor, to_close)
        SELECT s.*, NOT open FROM unnest($1::text[], $2::int[], $3::text[], $4::bool[], $5::text[])
            AS s (uai, version, name, open, successor)
        ON CONFLICT (uai) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name,
            open = EXCLUDED.open, successor = EXCLUDED.successor, to_close = EXCLUDED.to_close
        WHERE registered_school.version < EXCLUDED.version
        """,
        [s.uai for s in told],
        [s.version for s in told],
        [s.name for s in told],
        [s.open for s in told],
        [s.successor for s in told],
    )


async def closed(connection: Connection, uai: Uai) -> Record | None:
    """The closed school `uai` (successor, successor_name); None if it is open or unknown."""
    return await connection.fetchrow(
        """
        SELECT s.successor, n.name AS successor_name
        FROM registered_school s LEFT JOIN registered_school n ON n.uai = s.successor
        WHERE s.uai = $1 AND NOT s.open
        """,
        uai,
    )


async def names(connection: Connection, schools: Collection[str]) -> dict[str, str]:
    """The names of schools, as far as the registry has told of them."""
    rows = await connection.fetch(
        "SELECT uai, name FROM registered_school WHERE uai = ANY($1::text[])", sorted(schools)
    )
    return {row["uai"]: row["name"] for row in rows}


async def next_to_close(connection: Connection) -> Uai | None:
    """A closed school whose learners are still to be deactivated, locked; another process that is
    at one already is passed over.
    """
    uai = await connection.fetchval(
        """
        SELECT uai FROM registered_school WHERE to_close
        ORDER BY uai LIMIT 1 FOR UPDATE SKIP LOCKED
        """
    )
    return Uai(uai) if uai else None


async def set_closed(connection: Connection, uai: Uai) -> None:
    """Note that the learners of a closed school are deactivated."""
    await connection.execute("UPDATE registered_school SET to_close = false WHERE uai = $1", uai)
