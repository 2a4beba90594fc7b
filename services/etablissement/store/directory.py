"""The public directory of schools: the lines of a file, what they would change, what they change.

An empty cell leaves what is known, and so does a field that the school has set itself. Schools that
a file does not name are not touched: it may be a part of the directory.
"""

import datetime as dt
from collections.abc import AsyncIterable, Iterable
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.etablissement.domain.cards import PERSONAL
from shared.database import Connection

COLUMNS = (
    "uai", "name", "email", "address", "postcode", "town", "academie", "phone", "nature",
    "name_words", "town_words",
)  # fmt: skip
_READ = COLUMNS[1:-2]
_WORDS = {"name_words": "name", "town_words": "town"}
_WRITTEN = (*_READ, *_WORDS)
_STATE = "uai, version, name, email, digest, town, academie, open, successor"
_EMPTY = {"address": "'{}'"}
_PERSONAL = ", ".join(f"'{field}'" for field in PERSONAL)


def _kept(column: str) -> str:
    """SQL: the value that a school of the registry has after the file."""
    read = _WORDS.get(column, column)
    nothing = f"l.{read} = {_EMPTY[read]}" if read in _EMPTY else f"l.{read} IS NULL"
    return f"CASE WHEN {nothing} OR '{read}' = ANY(s.own) THEN s.{column} ELSE l.{column} END"


_BEFORE = ", ".join(f"s.{column}" for column in _READ)
_AFTER = ", ".join(_kept(column) for column in _READ)
_DIFFERS = f"({_BEFORE}) IS DISTINCT FROM ({_AFTER})"
SLOW_SECONDS = 300.0
"""How long a statement over the whole directory may take; it takes some 5 on an idle machine."""

_FOR_MANY = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
"""To compile so many expressions takes longer than to run them; 70,000 schools with what they were
fit in the memory of a statement, and need not be written to temporary files.
"""
_JOINED = "directory_line l LEFT JOIN school s USING (uai) WHERE l.import_id = $1"


async def keep(connection: Connection, import_id: UUID, sent_by: str, sent_at: dt.datetime) -> None:
    """Enter a file that is about to be read, in a transaction that then stores its lines."""
    await connection.execute(_FOR_MANY)
    await connection.execute(
        """
        INSERT INTO directory_import (id, sent_at, sent_by, state, counts, refused)
        VALUES ($1, $2, $3, 'ready', '{}', '[]')
        """,
        import_id,
        sent_at,
        sent_by,
    )


async def add(
    connection: Connection, lines: Iterable[tuple[Any, ...]] | AsyncIterable[tuple[Any, ...]]
) -> None:
    """Store lines, each with the import before its `COLUMNS`, by one COPY."""
    await connection.copy_records_to_table(
        "directory_line",
        columns=["import_id", *COLUMNS],
        records=lines,
        timeout=SLOW_SECONDS,
    )
    await connection.execute("SELECT count_directory()")


async def preview(connection: Connection, import_id: UUID) -> dict[str, int]:
    """How many schools are new, would change, and stay as they are."""
    row = await connection.fetchrow(
        f"""
        SELECT count(*) FILTER (WHERE s.uai IS NULL) AS new,
            count(*) FILTER (WHERE s.uai IS NOT NULL AND {_DIFFERS}) AS changed,
            count(*) FILTER (WHERE s.uai IS NOT NULL AND NOT {_DIFFERS}) AS unchanged
        FROM {_JOINED}
        """,
        import_id,
        timeout=SLOW_SECONDS,
    )
    return dict(row or {})


async def report(
    connection: Connection, import_id: UUID, counts: dict[str, int], refused: object
) -> None:
    """Note what was found in a file."""
    await connection.execute(
        "UPDATE directory_import SET counts = $2, refused = $3 WHERE id = $1",
        import_id,
        counts,
        refused,
    )


async def one(connection: Connection, import_id: UUID) -> Record | None:
    """A file, with its counts and refused lines."""
    return await connection.fetchrow("SELECT * FROM directory_import WHERE id = $1", import_id)


async def lock(connection: Connection, import_id: UUID) -> str | None:
    """Lock a file, and keep everyone from changing schools until the transaction ends, so that none
    is changed between its comparison and its change. A weaker lock would let others lock a school,
    and both would wait for each other. Returns the state of the file, if there is one.
    """
    await connection.execute(_FOR_MANY)
    await connection.execute("LOCK TABLE school IN EXCLUSIVE MODE")
    state: str | None = await connection.fetchval(
        "SELECT state FROM directory_import WHERE id = $1 FOR UPDATE", import_id
    )
    return state


async def apply(connection: Connection, import_id: UUID, by: str, at: dt.datetime) -> list[Record]:
    """Write what a locked file says: new schools, changed ones, the history of both. Returns each
    of them as it is now, with the fields that have changed (none: it is new).
    """
    return await connection.fetch(
        f"""
        WITH wanted AS (
            SELECT uai, to_jsonb(row_before) AS old,
                {", ".join(f"{_kept(column)} AS {column}" for column in _WRITTEN)}
            FROM directory_line l JOIN school s USING (uai)
            CROSS JOIN LATERAL (SELECT {_BEFORE}) row_before
            WHERE l.import_id = $1 AND {_DIFFERS}
        ), changed AS (
            UPDATE school s SET ({", ".join(_WRITTEN)}, version)
                = ({", ".join(f"w.{column}" for column in _WRITTEN)}, s.version + 1)
            FROM wanted w WHERE s.uai = w.uai
            RETURNING s.*, w.old, to_jsonb(s) AS now
        ), created AS (
            INSERT INTO school ({", ".join(COLUMNS)})
            SELECT {", ".join(f"l.{c}" for c in COLUMNS)} FROM {_JOINED} AND s.uai IS NULL
            RETURNING *
        ), told AS (
            SELECT c.uai, c.version, 'created' AS act, '{{}}'::jsonb AS changes FROM created c
            UNION ALL
            SELECT c.uai, c.version, 'directory', (
                SELECT jsonb_object_agg(o.key, CASE WHEN o.key IN ({_PERSONAL}) THEN 'null'
                    ELSE jsonb_build_array(o.value, c.now -> o.key) END)
                FROM jsonb_each(c.old) o WHERE o.value <> c.now -> o.key
            ) FROM changed c
        ), noted AS (
            INSERT INTO school_change (uai, version, act, changes, changed_by, changed_at)
            SELECT uai, version, act, changes, $2, $3 FROM told
        )
        SELECT s.*, ARRAY(SELECT jsonb_object_keys(t.changes)) AS fields
        FROM told t JOIN (
            SELECT {_STATE} FROM created UNION ALL SELECT {_STATE} FROM changed
        ) s USING (uai)
        """,
        import_id,
        by,
        at,
        timeout=SLOW_SECONDS,
    )


async def close(connection: Connection, import_id: UUID, by: str, at: dt.datetime) -> None:
    """Note that a file was applied; its lines are not needed any more. The search would have to
    read through the new words one by one if they were not sorted into its index now.
    """
    await connection.execute("SELECT tidy_words()")
    await connection.execute("DELETE FROM directory_line WHERE import_id = $1", import_id)
    await connection.execute(
        """
        UPDATE directory_import SET state = 'applied', applied_by = $2, applied_at = $3
        WHERE id = $1
        """,
        import_id,
        by,
        at,
    )


async def forget(
    connection: Connection, ready_before: dt.datetime, applied_before: dt.datetime
) -> None:
    """Forget the files that were sent earlier: those that were never applied, and the others."""
    await connection.execute(
        """
        DELETE FROM directory_import
        WHERE sent_at < CASE state WHEN 'ready' THEN $1::timestamptz ELSE $2 END
        """,
        ready_before,
        applied_before,
    )


async def drop(connection: Connection, import_id: UUID) -> None:
    """Forget a file."""
    await connection.execute("DELETE FROM directory_import WHERE id = $1", import_id)
