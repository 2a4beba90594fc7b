"""SQL: what has changed since the reconcile last decided."""

from shared.database import Connection


async def keys_changed(connection: Connection, slice_size: int) -> set[bytes]:
    """The INE keys of the next changes that the reconcile has not decided again, and of the schools
    whose switch or import changed meanwhile; moves its mark behind them.
    """
    rows = await connection.fetch(
        """
        WITH mark AS (
            SELECT decided_until AS moment FROM reconcile
        ), slice AS (
            SELECT p.pupil_id, p.changed_at FROM presence p, mark
            WHERE p.changed_at > mark.moment ORDER BY p.changed_at LIMIT $1
        ), reached AS (
            SELECT CASE WHEN count(*) < $1 THEN clock_timestamp() ELSE max(changed_at) END AS moment
            FROM slice
        ), school AS (
            SELECT s.uai FROM mark, reached, (SELECT uai, changed_at FROM participation
                UNION ALL SELECT uai, changed_at FROM import_in_force) AS s
            WHERE s.changed_at > mark.moment AND s.changed_at <= reached.moment
        ), pupil AS (
            SELECT pupil_id FROM slice UNION SELECT pupil_id FROM presence JOIN school USING (uai)
        ), moved AS (
            UPDATE reconcile SET decided_until = reached.moment FROM reached
        )
        SELECT DISTINCT ine_key FROM match_key JOIN pupil USING (pupil_id)
        """,
        slice_size,
    )
    return {row["ine_key"] for row in rows}


async def has_changes(connection: Connection) -> bool:
    """Whether presences have changed behind the mark of the reconcile."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM presence, reconcile WHERE changed_at > decided_until)"
    )
    return found
