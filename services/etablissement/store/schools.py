"""The schools of the registry: to read, to lock, to write; and their history."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai

COLUMNS = (
    "uai", "name", "email", "address", "postcode", "town", "academie", "phone", "nature",
    "head_name", "head_function", "digest", "open", "successor", "own", "name_words", "town_words",
    "version",
)  # fmt: skip
_WRITTEN = [column for column in COLUMNS if column not in ("uai", "version")]


async def one(connection: Connection, uai: Uai) -> Record | None:
    """The school, if the registry has it."""
    return await connection.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM school WHERE uai = $1", uai)


async def everyone(connection: Connection) -> list[Record]:
    """All schools of the registry."""
    return await connection.fetch(f"SELECT {', '.join(COLUMNS)} FROM school ORDER BY uai")


async def raise_versions(connection: Connection, by: int) -> None:
    """Raise the version of every school: those told before a loss may have been higher."""
    await connection.execute("UPDATE school SET version = version + $1", by)


async def locked(connection: Connection, uais: Sequence[Uai]) -> dict[str, Record]:
    """These schools, locked until the transaction ends, always in the same order."""
    rows = await connection.fetch(
        f"""
        SELECT {", ".join(COLUMNS)} FROM school WHERE uai = ANY($1::text[])
        ORDER BY uai FOR NO KEY UPDATE
        """,
        uais,
    )
    return {row["uai"]: row for row in rows}


async def create(connection: Connection, uai: Uai, values: Mapping[str, Any]) -> Record | None:
    """Enter a school; None if the registry has it."""
    places = ", ".join(f"${place}" for place in range(2, len(values) + 2))
    columns = ", ".join(column for column in _WRITTEN if column in values)
    return await connection.fetchrow(
        f"""
        INSERT INTO school (uai, {columns}) VALUES ($1, {places})
        ON CONFLICT DO NOTHING RETURNING {", ".join(COLUMNS)}
        """,
        uai,
        *(values[column] for column in _WRITTEN if column in values),
    )


async def write(connection: Connection, uai: Uai, values: Mapping[str, Any]) -> Record:
    """Replace what is known of a locked school, `values` holding all of it; its next version."""
    places = ", ".join(f"${place}" for place in range(2, len(_WRITTEN) + 2))
    row = await connection.fetchrow(
        f"""
        UPDATE school SET ({", ".join(_WRITTEN)}, version) = ({places}, version + 1)
        WHERE uai = $1 RETURNING {", ".join(COLUMNS)}
        """,
        uai,
        *(values[column] for column in _WRITTEN),
    )
    if row is None:
        raise LookupError("the school was not locked")
    return row


async def note(
    connection: Connection, row: Record, act: str, changes: object, by: str, at: dt.datetime
) -> None:
    """Enter what was done with a school into its history."""
    await connection.execute(
        """
        INSERT INTO school_change (uai, version, act, changes, changed_by, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        row["uai"],
        row["version"],
        act,
        changes,
        by,
        at,
    )


async def history(connection: Connection, uai: Uai, before: int | None, limit: int) -> list[Record]:
    """What was done with a school, newest first, with who it was if he is known here."""
    return await connection.fetch(
        """
        SELECT c.id, c.version, c.act, c.changes, c.changed_by, c.changed_at, p.name, p.function
        FROM school_change c LEFT JOIN person p ON p.account::text = c.changed_by
        WHERE c.uai = $1 AND ($2::bigint IS NULL OR c.id < $2)
        ORDER BY c.id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def found_by_uai(connection: Connection, begin: str, limit: int) -> list[Record]:
    """The schools whose UAI begins so, the open ones first."""
    return await connection.fetch(
        """
        SELECT uai, name, town, academie, nature, open, successor FROM school
        WHERE uai LIKE $1 || '%' ORDER BY open DESC, uai LIMIT $2
        """,
        begin,
        limit,
    )


async def named(connection: Connection, uais: Collection[Uai]) -> list[Record]:
    """These schools, as one chooses them."""
    return await connection.fetch(
        """
        SELECT uai, name, town, academie, nature, open, successor FROM school
        WHERE uai = ANY($1::text[]) ORDER BY uai
        """,
        list(uais),
    )


RANKED = 200
"""How many schools of a word that thousands have (« école ») are looked at to put them in order."""


async def found_by_words(
    connection: Connection, words: str, limit: int, *, are_open: bool
) -> list[Record]:
    """The open or the closed schools whose name and town have words that begin like each of
    `words`.
    """
    query = " & ".join(f"{word}:*" for word in words.split())
    return await connection.fetch(
        f"""
        SELECT * FROM (
            SELECT uai, name, town, academie, nature, open, successor FROM school
            WHERE to_tsvector('simple', name_words || ' ' || town_words)
                @@ to_tsquery('simple', $1) AND open = $3
            LIMIT {RANKED}
        ) found ORDER BY name, uai LIMIT $2
        """,
        query,
        limit,
        are_open,
    )


async def forget_history(connection: Connection, before: dt.datetime) -> None:
    """Forget what was done with schools earlier."""
    await connection.execute("DELETE FROM school_change WHERE changed_at < $1", before)
