"""SQL: the addresses that nothing is sent to, and what people do with single mails."""

import datetime as dt
from uuid import UUID

from services.notifier.domain.mails import Reason
from services.notifier.store.mails import OPEN, TO_SCHOOL, WAITING
from shared.database import Connection

RESENT = f"(state = 'failed' OR state = 'suppressed' AND reason = '{Reason.LISTED}')"
"""What can be sent again: a sent mail, one overtaken or one of a training system can't."""


async def suppress(connection: Connection, address: str, reason: str, by_whom: str) -> int:
    """Send nothing more to an address; how many mails that wait are suppressed at once."""
    await connection.execute(
        """
        INSERT INTO suppression (address, reason, by_whom) VALUES (lower($1), $2, $3)
        ON CONFLICT (address) DO UPDATE SET reason = EXCLUDED.reason, by_whom = EXCLUDED.by_whom,
            since = now(), lifted_at = NULL, lifted_by = NULL
        WHERE suppression.lifted_at IS NOT NULL
        """,
        address,
        reason,
        by_whom,
    )
    stopped: int = await connection.fetchval(
        f"""
        WITH stopped AS (
            UPDATE mail SET state = 'suppressed', reason = $2, next_try = NULL, ended_at = now()
            WHERE lower(address) = lower($1) AND state IN {WAITING} RETURNING id
        ), noted AS (
            INSERT INTO mail_history (mail_id, state, by_whom)
            SELECT id, 'suppressed', $3 FROM stopped
        )
        SELECT count(*) FROM stopped
        """,
        address,
        Reason.LISTED,
        by_whom,
    )
    return stopped


async def lift(connection: Connection, address: str, by_whom: str) -> bool:
    """Send to an address again; False if it was not suppressed."""
    lifted = await connection.fetchval(
        """
        UPDATE suppression SET lifted_at = now(), lifted_by = $2
        WHERE address = lower($1) AND lifted_at IS NULL RETURNING true
        """,
        address,
        by_whom,
    )
    return bool(lifted)


async def resend(
    connection: Connection, by_whom: str, *, mail: UUID | None, failed_since: dt.datetime | None
) -> int:
    """Queue one mail again, or all that failed since a moment, as if they were new; how many. What
    is for a school's own e-mail goes to the one that is known now.
    """
    queued: int = await connection.fetchval(
        f"""
        WITH queued AS (
            UPDATE mail SET state = 'queued', reason = NULL, attempts = 0, next_try = now(),
                queued_at = now(), ended_at = NULL, address = coalesce((SELECT s.email FROM school s
                    WHERE s.uai = mail.uai AND mail.kind IN {TO_SCHOOL}), address)
            WHERE {RESENT} AND (id = $2 OR state = 'failed' AND ended_at >= $3) RETURNING id
        ), noted AS (
            INSERT INTO mail_history (mail_id, state, by_whom) SELECT id, 'queued', $1 FROM queued
        )
        SELECT count(*) FROM queued
        """,
        by_whom,
        mail,
        failed_since,
    )
    return queued


async def hold(connection: Connection, by_whom: str) -> int:
    """Send nothing of what waits by itself, be it for a sender or for the e-mail of a school (the
    address is empty then): since the backup it may have been sent; how many.
    """
    held: int = await connection.fetchval(
        f"""
        WITH held AS (
            UPDATE mail SET state = 'failed', reason = $2, next_try = NULL, claimed_by = NULL,
                ended_at = now()
            WHERE state IN {OPEN} RETURNING id
        ), untold AS (
            DELETE FROM unaddressed RETURNING *
        ), entered AS (
            INSERT INTO mail (id, kind, uai, address, name, subject, content, topic, version,
                happened_at, state, reason, next_try, ended_at)
            SELECT id, kind, uai, '', content ->> 'school', subject, content, topic, version,
                happened_at, 'failed', $2, NULL, now()
            FROM untold ON CONFLICT (id) DO NOTHING RETURNING id
        ), noted AS (
            INSERT INTO mail_history (mail_id, state, by_whom)
            SELECT id, 'failed', $1 FROM (TABLE held UNION ALL TABLE entered) AS one
        )
        SELECT (SELECT count(*) FROM held) + (SELECT count(*) FROM entered)
        """,
        by_whom,
        Reason.RESTORED,
    )
    return held


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget suppressions that were lifted before a moment."""
    await connection.execute("DELETE FROM suppression WHERE lifted_at < $1", before)
