"""SQL: how many transfers there are, for operations."""

from shared.database import Connection


async def by_state(connection: Connection) -> dict[str, int]:
    """How many transfers are open, by state, and how many were closed in the last 24 hours. Each
    part has its index: the table is not read.
    """
    rows = await connection.fetch(
        """
        SELECT 'offered' AS state, count(*) AS number FROM transfer WHERE state = 'offered'
        UNION ALL
        SELECT 'requested', count(*) FROM transfer WHERE state = 'requested'
        UNION ALL
        SELECT 'closed', count(*) FROM transfer
        WHERE state IN ('closed', 'reversed') AND answered_at > now() - interval '24 hours'
        """
    )
    return {row["state"]: row["number"] for row in rows}


async def found_by_reconcile(connection: Connection) -> int:
    """How many transfers only the reconcile has opened or withdrawn, until nothing was found for a
    day.
    """
    number: int = await connection.fetchval(
        """
        SELECT coalesce(sum(found), 0)::int FROM reconcile
        WHERE found_at > now() - interval '1 day'
        """
    )
    return number


async def oldest_request(connection: Connection) -> float:
    """Seconds since the request that has waited longest for its answer; 0 when none waits."""
    seconds: float = await connection.fetchval(
        """
        SELECT coalesce(extract(epoch FROM now() - min(requested_at)), 0)::float8
        FROM transfer WHERE state = 'requested'
        """
    )
    return seconds
