"""SQL: the rounds through all schools, each made once whatever stops it in between."""

from asyncpg import Record

from shared.database import Connection


async def begun(connection: Connection, kind: str, period: str) -> Record:
    """The round of a period, begun now if it was not: `after` is the last school gone through,
    `done_at` when it was done.
    """
    await connection.execute(
        "INSERT INTO round (kind, period) VALUES ($1, $2) ON CONFLICT DO NOTHING", kind, period
    )
    found = await connection.fetchrow(
        "SELECT after, done_at FROM round WHERE kind = $1 AND period = $2", kind, period
    )
    if found is None:
        raise LookupError(kind)
    return found


async def end(connection: Connection, kind: str, period: str) -> None:
    """Count the round of a period as made."""
    await connection.execute(
        """
        INSERT INTO round (kind, period, done_at) VALUES ($1, $2, now())
        ON CONFLICT (kind, period) DO UPDATE SET done_at = now() WHERE round.done_at IS NULL
        """,
        kind,
        period,
    )


async def advance(
    connection: Connection, kind: str, period: str, *, before: str | None, after: str | None
) -> bool:
    """Go on from the school `before` to `after`; None ends the round. False if another process has
    done this step.
    """
    moved = await connection.fetchval(
        """
        UPDATE round SET after = coalesce($4, after),
            done_at = CASE WHEN $4::text IS NULL THEN now() END
        WHERE kind = $1 AND period = $2 AND after IS NOT DISTINCT FROM $3::text AND done_at IS NULL
        RETURNING true
        """,
        kind,
        period,
        before,
        after,
    )
    return bool(moved)
