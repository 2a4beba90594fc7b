"""SQL: how often something was tried."""

import datetime as dt

from shared.database import Connection


async def count(connection: Connection, subject: bytes, begins_at: dt.datetime) -> int:
    """Count one more attempt of this subject in the window that begins then; how many there are."""
    number: int = await connection.fetchval(
        """
        INSERT INTO attempts (subject, begins_at, count) VALUES ($1, $2, 1)
        ON CONFLICT (subject, begins_at) DO UPDATE SET count = attempts.count + 1
        RETURNING count
        """,
        subject,
        begins_at,
    )
    return number


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget the windows that began earlier."""
    await connection.execute("DELETE FROM attempts WHERE begins_at < $1", before)
