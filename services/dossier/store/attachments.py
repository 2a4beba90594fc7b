"""SQL: the files attached to records. They belong to the record, wherever it moves."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.database import Connection

_COLUMNS = "id, record_id, name, media_type, size, digest, added_by, added_at"


async def touch_record(connection: Connection, record_id: UUID) -> None:
    """Make a new version of a record, whose attachments change: a transfer that is reversed leaves
    what was changed since. Others who attach to it wait until this transaction ends.
    """
    await connection.execute(
        """
        UPDATE record SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1
        """,
        record_id,
    )


async def count(connection: Connection, record_id: UUID) -> int:
    """How many attachments a record has."""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM attachment WHERE record_id = $1", record_id
    )
    return number


async def add(
    connection: Connection,
    attachment_id: UUID,
    record_id: UUID,
    *,
    name: str,
    media_type: str,
    digest: bytes,
    added_by: str,
    data: bytes,
) -> None:
    """Attach a file."""
    await connection.execute(
        """
        WITH added AS (
            INSERT INTO attachment (id, record_id, name, media_type, size, digest, added_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
        )
        INSERT INTO attachment_content (attachment_id, data) VALUES ($1, $8)
        """,
        attachment_id,
        record_id,
        name,
        media_type,
        len(data),
        digest,
        added_by,
        data,
    )


async def of_records(connection: Connection, records: Sequence[UUID]) -> list[Record]:
    """What is attached to these records, in the order of their ids, then of its own."""
    return await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM attachment WHERE record_id = ANY($1::uuid[])
        ORDER BY record_id, id
        """,
        records,
    )


async def one(connection: Connection, record_id: UUID, attachment_id: UUID) -> Record | None:
    """One attachment of a record, without its content."""
    return await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM attachment WHERE record_id = $1 AND id = $2",
        record_id,
        attachment_id,
    )


async def content(connection: Connection, attachment_id: UUID) -> bytes | None:
    """The bytes of an attachment."""
    data: bytes | None = await connection.fetchval(
        "SELECT data FROM attachment_content WHERE attachment_id = $1", attachment_id
    )
    return data


async def remove(connection: Connection, record_id: UUID, attachment_id: UUID) -> bool:
    """Remove an attachment of a record with its content; False if there is none."""
    removed = await connection.fetchval(
        "DELETE FROM attachment WHERE record_id = $1 AND id = $2 RETURNING true",
        record_id,
        attachment_id,
    )
    return bool(removed)
