"""How much a service reads of its tables."""

from collections.abc import Sequence

from shared.database import Database

GROWTH = 1.25
"""How far counts of equal work may differ: indexes hold entries of rows that have been changed."""


async def rows_read(database: Database) -> int:
    """How many rows of its tables, and entries of its indexes, the statements of a database that
    uses one connection at a time have met so far.
    """
    async with database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with database.connection() as connection:
        rows: int = await connection.fetchval(
            """
            SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint
                + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint
            """
        )
    return rows


def assert_flat(counts: Sequence[int]) -> None:
    """Assert that what each of several equal rounds has read depends neither on what the rounds
    before it have left nor on what those after it still have to do.
    """
    assert min(counts) > 0
    assert max(counts) <= GROWTH * min(counts), counts
