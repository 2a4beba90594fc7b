"""The SQL of `transfer`, over sets: each function is one question or one change."""

from shared.database import Connection, by_index

SINGLE_FILE = 7_305_002


async def single_file(connection: Connection) -> None:
    """Wait until no other deciding transaction runs; each calls it before it reads anything.

    Its own statement, in READ COMMITTED: what follows sees all that was committed before. Without
    it, a departure and an arrival in two transactions would miss each other. All of them look up by
    key (`by_index`).
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", SINGLE_FILE)
    await by_index(connection)
