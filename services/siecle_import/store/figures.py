"""SQL: how many imports there are, for operations."""

import datetime as dt
from uuid import UUID

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


async def at_work(connection: Connection) -> set[tuple[UUID, str]]:
    """The imports that the service works on, each with its state."""
    rows = await connection.fetch(
        "SELECT id, state FROM import_run WHERE state = ANY($1)", list(AT_WORK)
    )
    return {(row["id"], row["state"]) for row in rows}


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
