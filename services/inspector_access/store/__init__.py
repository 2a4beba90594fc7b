"""SQL of `inspector_access`: one module a subject."""

from shared.database import Connection

_LOCK = 7_305_041


async def single_file(connection: Connection) -> None:
    """Let one transaction at a time change who may see what: two changes at once (a switch, and a
    referent who is named) would each tell only whom it sees itself.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
