"""SQL: the mails about a school, as its staff and administrators see them."""

from asyncpg import Record

from services.notifier.domain.mails import State
from shared.database import Connection
from shared.identifiers import Uai

_MAIL = r"""
    SELECT id, number, kind, state, reason, subject, name AS recipient,
        regexp_replace(answer, '[^\s<>:;,"]+@[^\s<>:;,"]+', '…', 'g') AS answer,
        attempts, created_at,
        CASE WHEN state = 'deferred' THEN next_try END AS next_try, ended_at
    FROM mail
"""
"""Without the addresses in the server's answer, however it writes them."""


async def failed(connection: Connection, uai: Uai, before: int | None, limit: int) -> list[Record]:
    """The mails about a school that failed, newest first, those earlier than number `before`."""
    return await connection.fetch(
        f"""
        {_MAIL} WHERE uai = $1 AND state = 'failed' AND ($2::bigint IS NULL OR number < $2)
        ORDER BY number DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def others(
    connection: Connection, uai: Uai, before: int | None, limit: int, state: State | None
) -> list[Record]:
    """The mails about a school that did not fail, or those in one state; in the same order."""
    return await connection.fetch(
        f"""
        {_MAIL} WHERE uai = $1 AND state <> 'failed' AND ($2::bigint IS NULL OR number < $2)
            AND ($4::text IS NULL OR state = $4)
        ORDER BY number DESC LIMIT $3
        """,
        uai,
        before,
        limit,
        state,
    )
