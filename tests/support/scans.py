"""Which tables of a service have been read whole."""

from shared.database import Database


async def read_whole(database: Database, *tables: str) -> dict[str, int]:
    """How often each of these tables was read whole so far."""
    async with database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY($1::text[])",
            tables,
        )
    return {row["relname"]: row["seq_scan"] for row in rows}
