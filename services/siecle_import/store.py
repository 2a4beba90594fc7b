"""The SQL of `siecle_import`, over sets: each function is one question or one change."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.siecle_import.domain import InForce, Pupil
from shared.database import Connection
from shared.identifiers import Uai

_FIELDS = [field.name for field in fields(Pupil)]
_COLUMNS = ", ".join(_FIELDS)


async def lock_school(connection: Connection, uai: Uai) -> Record | None:
    """Lock the school's base until the transaction ends; imports, horodatage, school_year."""
    await connection.execute("INSERT INTO school (uai) VALUES ($1) ON CONFLICT DO NOTHING", uai)
    return await connection.fetchrow(
        "SELECT imports, horodatage, school_year FROM school WHERE uai = $1 FOR UPDATE", uai
    )


async def in_force(connection: Connection, uai: Uai) -> InForce | None:
    """The import that the school's base follows, if it has imported."""
    row = await connection.fetchrow(
        "SELECT horodatage, school_year FROM school WHERE uai = $1 AND imports > 0", uai
    )
    return InForce(row["horodatage"], row["school_year"]) if row else None


async def set_in_force(
    connection: Connection, uai: Uai, horodatage: dt.datetime, school_year: int
) -> int:
    """Make an import the one in force; returns its number."""
    number: int = await connection.fetchval(
        """
        UPDATE school SET imports = imports + 1, horodatage = $2, school_year = $3
        WHERE uai = $1 RETURNING imports
        """,
        uai,
        horodatage,
        school_year,
    )
    return number


async def base_of(connection: Connection, uai: Uai) -> list[Pupil]:
    """Every learner of the school, those who left included."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM pupil WHERE uai = $1", uai)
    return [Pupil(**row) for row in rows]


async def add_pupils(connection: Connection, pupils: Sequence[Pupil]) -> None:
    """Enter new learners, by COPY."""
    await connection.copy_records_to_table(
        "pupil",
        columns=_FIELDS,
        records=[astuple(pupil) for pupil in pupils],
    )


async def change_pupils(connection: Connection, pupils: Sequence[Pupil]) -> None:
    """Write learners anew, in one statement."""
    await connection.execute(
        "CREATE TEMP TABLE changed (LIKE pupil INCLUDING DEFAULTS) ON COMMIT DROP"
    )
    await connection.copy_records_to_table(
        "changed",
        columns=_FIELDS,
        records=[astuple(pupil) for pupil in pupils],
    )
    columns = [name for name in _FIELDS if name not in ("id", "uai")]
    await connection.execute(
        f"""
        UPDATE pupil p SET ({", ".join(columns)}) = ({", ".join(f"c.{c}" for c in columns)})
        FROM changed c WHERE p.id = c.id
        """
    )


async def mark_transferred(connection: Connection, pupils: Collection[UUID]) -> None:
    """Note that a closed transfer names these learners: an undo leaves them as they are."""
    await connection.execute(
        "UPDATE pupil SET transferred = true WHERE id = ANY($1::uuid[])", sorted(pupils)
    )


async def pupils_of(
    connection: Connection, uai: Uai, after: UUID | None, limit: int
) -> list[Record]:
    """The learners of a school in the order of their ids, those above `after`."""
    return await connection.fetch(
        f"""
        SELECT {_COLUMNS}, transferred FROM pupil
        WHERE uai = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """,
        uai,
        after,
        limit,
    )


async def receive(
    connection: Connection,
    import_id: UUID,
    uai: Uai,
    *,
    file_name: str | None,
    sent_by: str,
    received_at: dt.datetime,
) -> None:
    """Enter an import whose file follows; an earlier one that waits for a person is superseded."""
    await connection.execute(
        """
        UPDATE import_run SET state = 'superseded', reading = NULL, ended_at = $2
        WHERE uai = $1 AND state = 'ready'
        """,
        uai,
        received_at,
    )
    await connection.execute(
        """
        INSERT INTO import_run (id, uai, state, file_name, sent_by, received_at)
        VALUES ($1, $2, 'received', $3, $4, $5)
        """,
        import_id,
        uai,
        file_name,
        sent_by,
        received_at,
    )


async def is_under_way(connection: Connection, uai: Uai) -> bool:
    """Whether an import of the school is being read or applied."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM import_run
            WHERE uai = $1 AND state IN ('received', 'confirmed'))
        """,
        uai,
    )
    return found


async def add_chunk(connection: Connection, import_id: UUID, position: int, data: bytes) -> None:
    """Keep a piece of the file."""
    await connection.execute(
        "INSERT INTO import_chunk (import_id, position, content) VALUES ($1, $2, $3)",
        import_id,
        position,
        data,
    )


async def chunk(connection: Connection, import_id: UUID, position: int) -> bytes | None:
    """A piece of the file; None behind the last."""
    data: bytes | None = await connection.fetchval(
        "SELECT content FROM import_chunk WHERE import_id = $1 AND position = $2",
        import_id,
        position,
    )
    return data


async def delete_file(connection: Connection, import_id: UUID) -> None:
    """Forget the file as it was sent."""
    await connection.execute("DELETE FROM import_chunk WHERE import_id = $1", import_id)


async def at_work(connection: Connection) -> list[Record]:
    """The imports to be read or applied, oldest first: id, uai, state, received_at."""
    return await connection.fetch(
        """
        SELECT id, uai, state, received_at FROM import_run
        WHERE state IN ('received', 'confirmed') ORDER BY received_at
        """
    )


async def try_to_own(connection: Connection, import_id: UUID) -> bool:
    """Be the one process that works on an import, as long as this connection is held."""
    owned: bool = await connection.fetchval(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", str(import_id)
    )
    return owned


async def disown(connection: Connection, import_id: UUID) -> None:
    """Let other processes work on the import."""
    await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", str(import_id))


async def begin_attempt(connection: Connection, import_id: UUID, state: str) -> int | None:
    """Count a try of the step that begins at `state`; None if the import has left that state."""
    attempts: int | None = await connection.fetchval(
        """
        UPDATE import_run SET attempts = attempts + 1 WHERE id = $1 AND state = $2
        RETURNING attempts
        """,
        import_id,
        state,
    )
    return attempts


async def set_state(
    connection: Connection,
    import_id: UUID,
    *,
    expected: str,
    state: str,
    values: Mapping[str, Any],
) -> Record | None:
    """Move an import from state `expected` to `state` with new values; None if it has moved on.

    The names in `values` are columns, written in the code of this service.
    """
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(values, start=4))
    return await connection.fetchrow(
        f"""
        UPDATE import_run SET state = $3, attempts = 0{assignments}
        WHERE id = $1 AND state = $2 RETURNING {_RUN}
        """,
        import_id,
        expected,
        state,
        *values.values(),
    )


_RUN = """id, uai, state, file_name, sent_by, received_at, horodatage, school_year, counts,
    confirmations, findings, confirmed_by, number, ended_at"""


async def import_run(connection: Connection, uai: Uai, import_id: UUID) -> Record | None:
    """One import of the school."""
    return await connection.fetchrow(
        f"SELECT {_RUN} FROM import_run WHERE id = $1 AND uai = $2", import_id, uai
    )


async def imports_of(
    connection: Connection, uai: Uai, before: UUID | None, limit: int
) -> list[Record]:
    """The imports of a school, newest first, those with an id below `before`."""
    return await connection.fetch(
        f"""
        SELECT {_RUN} FROM import_run
        WHERE uai = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def reading_of(connection: Connection, import_id: UUID) -> str:
    """What the file of an import says, as it was kept for applying."""
    text: str = await connection.fetchval("SELECT reading FROM import_run WHERE id = $1", import_id)
    return text
