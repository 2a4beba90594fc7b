"""How far the learners have been told anew."""

from uuid import UUID

from shared.database import Connection


async def begin(connection: Connection, new_id: UUID, key_version: int, *, restored: bool) -> UUID:
    """The republication of this kind that was interrupted, or a new one; returns its id."""
    begun: UUID = await connection.fetchval(
        """
        WITH interrupted AS (
            SELECT id FROM republication
            WHERE ended_at IS NULL AND key_version = $2 AND restored = $3 ORDER BY id LIMIT 1
        ), new AS (
            INSERT INTO republication (id, key_version, restored)
            SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM interrupted) RETURNING id
        )
        SELECT id FROM interrupted UNION ALL SELECT id FROM new
        """,
        new_id,
        key_version,
        restored,
    )
    return begun


async def lock(connection: Connection, republication: UUID) -> UUID | None:
    """Go on with a republication, one process at a time; returns the last learner done."""
    after: UUID | None = await connection.fetchval(
        "SELECT after FROM republication WHERE id = $1 FOR UPDATE", republication
    )
    return after


async def advance(
    connection: Connection, republication: UUID, after: UUID | None, *, ended: bool
) -> None:
    """Note the last learner that was done, and whether he was the last of all."""
    await connection.execute(
        """
        UPDATE republication SET after = $2, ended_at = CASE WHEN $3 THEN clock_timestamp() END
        WHERE id = $1
        """,
        republication,
        after,
        ended,
    )
