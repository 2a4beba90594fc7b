"""SQL: how many imports there are, for operations."""

import datetime as dt

from services.siecle_import.domain.imports import AT_WORK
from shared.database import Connection


async def by_state(connection: Connection, since: dt.datetime) -> dict[str, int]:
    """How many imports have not ended, by state, and how many have since a moment."""
    rows = await connection.fetch(
        """
        SELECT state, count(*) AS number FROM import_run
        WHERE ended_at IS NULL OR ended_at > $1 GROUP BY state
        """,
        since,
    )
    return {row["state"]: row["number"] for row in rows}


async def oldest_at_work(connection: Connection) -> float:
    """Seconds since the import that the service has worked on longest came into its state; 0 when
    it works on none.
    """
    seconds: float = await connection.fetchval(
        """
        SELECT coalesce(extract(epoch FROM now() - min(entered_at)), 0)::float8
        FROM import_run WHERE state = ANY($1)
        """,
        list(AT_WORK),
    )
    return seconds


async def schools_without(connection: Connection, since: dt.datetime) -> int:
    """How many open schools have imported before, and nothing exported at `since` or later."""
    number: int = await connection.fetchval(
        """
        SELECT count(*) FROM school AS s
        WHERE imports > 0 AND horodatage < $1 AND NOT EXISTS (
            SELECT FROM registered_school AS r WHERE r.uai = s.uai AND NOT r.open)
        """,
        since,
    )
    return number
