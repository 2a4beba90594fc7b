"""SQL: the ledger. How mails get into it, are claimed by a sender, and end."""

import datetime as dt
import json
from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from services.notifier.domain.delivery import PATIENCE, Outcome
from services.notifier.domain.mails import REMINDED_AFTER, Kind, Mail, Reason
from services.notifier.store import columns
from shared.database import Connection
from shared.telemetry import current_traceparent

WAITING = "('queued', 'deferred')"
OPEN = "('queued', 'sending', 'deferred')"
TO_SCHOOL = f"('{Kind.ARRIVAL}', '{Kind.DIGEST}')"
"""What goes to a school's own e-mail."""

_OVERTAKEN = """
    EXISTS (SELECT FROM mail newer WHERE newer.topic = mail.topic
        AND lower(newer.address) = lower(mail.address)
        AND (newer.version, newer.happened_at) > (mail.version, mail.happened_at)
        AND newer.happened_at > mail.happened_at - interval '1 hour')
"""
"""A higher version that happened long before stems from before a restore of an owner whose
versions began again lower (those of switches did, ADR 67): it overtakes nothing. Clocks of replicas
differ by less than the hour.
"""

_UNDER_WAY = """
    EXISTS (SELECT FROM mail other WHERE other.topic = mail.topic
        AND lower(other.address) = lower(mail.address)
        AND other.id <> mail.id AND other.state = 'sending' AND other.next_try > now())
"""
"""Another one about the same is being sent: what is told last must arrive last."""

_LISTED = """
    EXISTS (SELECT FROM suppression listed
        WHERE listed.address = lower(mail.address) AND listed.lifted_at IS NULL)
"""


async def add(connection: Connection, mails: Sequence[Mail]) -> None:
    """Enter mails that are not in the ledger yet, with the trace in which they are made if they
    name none; those overtaken, old or new, are suppressed.
    """
    await connection.execute(
        """
        INSERT INTO mail (id, kind, uai, address, name, reply_to, subject, content, topic, version,
            happened_at, traceparents)
        SELECT id, kind, uai, address, name, reply_to, subject, content::jsonb, topic,
            coalesce(version, 0), coalesce(happened_at, now()),
            string_to_array(coalesce(traces, $13::text), ' ')
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::int[], $11::timestamptz[], $12::text[])
            AS new (id, kind, uai, address, name, reply_to, subject, content, topic, version,
            happened_at, traces)
        ON CONFLICT (id) DO NOTHING
        """,
        *columns(_row(mail) for mail in mails),
        current_traceparent(),
    )
    topics = {(m.topic.name, m.to.email.lower()) for m in mails if m.topic is not None}
    if topics:
        await _suppress_overtaken(connection, sorted(topics))


def _row(mail: Mail) -> tuple[object, ...]:
    topic = mail.topic
    return (
        mail.id, mail.kind, mail.uai, mail.to.email, mail.to.name, mail.reply_to, mail.subject,
        json.dumps(dict(mail.content)), topic and topic.name, topic and topic.version,
        topic and topic.happened_at, " ".join(mail.traces) or None,
    )  # fmt: skip


async def _suppress_overtaken(connection: Connection, topics: Sequence[tuple[str, str]]) -> None:
    """Suppress the waiting mails of these topics and (lower-case) addresses that a newer one
    overtakes.
    """
    await connection.execute(
        f"""
        UPDATE mail SET state = 'suppressed', reason = $3, next_try = NULL, ended_at = now()
        FROM unnest($1::text[], $2::text[]) AS of (topic, address)
        WHERE mail.topic = of.topic AND lower(mail.address) = of.address
            AND mail.state IN {WAITING} AND {_OVERTAKEN}
        """,
        *columns(topics),
        Reason.OVERTAKEN,
    )


async def readdress(connection: Connection, schools: Sequence[str]) -> None:
    """Have what goes to the e-mail of these schools, and waits, go to the one that is known now. An
    arrival that failed at another one is queued for it as if it were new, as long as no reminder
    has been due since; not one that was held after a restore, which may have gone.
    """
    await connection.execute(
        f"""
        WITH moved AS (
            UPDATE mail SET address = s.email, name = s.name, state = 'queued', reason = NULL,
                attempts = 0, next_try = now(), queued_at = now(), ended_at = NULL
            FROM school s
            WHERE s.uai = mail.uai AND mail.uai = ANY($1::text[])
                AND mail.kind IN {TO_SCHOOL}
                AND lower(mail.address) <> lower(s.email)
                AND (mail.state IN {WAITING} OR mail.state = 'failed'
                    AND mail.reason <> '{Reason.RESTORED}'
                    AND mail.kind = '{Kind.ARRIVAL}' AND mail.created_at > now() - $2::interval)
            RETURNING mail.id
        )
        INSERT INTO mail_history (mail_id, state, answer)
        SELECT id, 'queued', 'nouvelle adresse de l''établissement' FROM moved
        """,
        schools,
        REMINDED_AFTER,
    )


async def claim(
    connection: Connection, sender: UUID, lease: dt.timedelta, limit: int
) -> list[Record]:
    """Claim up to `limit` mails that are due, for `sender` alone until the lease ends; among them
    those whose sender has died. One waits while another about the same is under way. Those that
    are listed or overtaken are suppressed instead (`state` tells). A mail overtaken in a
    transaction that ran beside this is sent, and so is the newer one.
    """
    return await connection.fetch(
        f"""
        WITH due AS (
            SELECT id FROM mail WHERE state IN {OPEN} AND next_try <= now()
            ORDER BY next_try LIMIT $3 FOR UPDATE SKIP LOCKED
        ), judged AS (
            SELECT id, CASE WHEN {_LISTED} THEN '{Reason.LISTED}'
                WHEN topic IS NOT NULL AND {_OVERTAKEN} THEN '{Reason.OVERTAKEN}' END AS reason
            FROM mail JOIN due USING (id) WHERE topic IS NULL OR NOT {_UNDER_WAY}
        )
        UPDATE mail SET
            state = CASE WHEN judged.reason IS NULL THEN 'sending' ELSE 'suppressed' END,
            reason = judged.reason,
            claimed_by = CASE WHEN judged.reason IS NULL THEN $1::uuid END,
            next_try = CASE WHEN judged.reason IS NULL THEN now() + $2::interval END,
            ended_at = CASE WHEN judged.reason IS NOT NULL THEN now() END
        FROM judged WHERE mail.id = judged.id
        RETURNING mail.id, mail.kind, address, name, reply_to, subject, content, mail.state,
            mail.reason, attempts, created_at, now() - queued_at AS age, traceparents
        """,
        sender,
        lease,
        limit,
    )


async def tell(
    connection: Connection, sender: UUID, outcomes: Sequence[tuple[UUID, Outcome]]
) -> None:
    """Write what became of mails that `sender` had claimed. That a mail was sent is written even if
    another sender has claimed it since: nobody is to send it again.
    """
    await connection.execute(
        """
        WITH told AS (
            SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::interval[])
                AS t (id, state, reason, answer, delay)
        ), changed AS (
            UPDATE mail SET state = told.state, reason = told.reason, answer = told.answer,
                attempts = attempts + 1, claimed_by = NULL, next_try = now() + told.delay,
                ended_at = CASE WHEN told.delay IS NULL THEN now() END
            FROM told WHERE mail.id = told.id
                AND (mail.claimed_by = $1 OR told.state = 'sent' AND mail.state <> 'sent')
            RETURNING mail.id, mail.state, mail.answer, mail.attempts
        )
        INSERT INTO mail_history (mail_id, state, answer)
        SELECT id, state, answer FROM changed WHERE state <> 'sent' OR attempts > 1
        """,
        sender,
        *columns((i, o.state, o.reason, o.answer, o.delay) for i, o in outcomes),
    )


async def give_back(connection: Connection, sender: UUID, mails: Sequence[UUID]) -> None:
    """Let others have mails that `sender` has claimed and not tried to send."""
    await connection.execute(
        """
        UPDATE mail SET state = CASE WHEN attempts = 0 THEN 'queued' ELSE 'deferred' END,
            claimed_by = NULL, next_try = now()
        WHERE id = ANY($2::uuid[]) AND claimed_by = $1 AND state = 'sending'
        """,
        sender,
        list(mails),
    )


async def suppress_all(connection: Connection, reason: Reason, limit: int) -> int:
    """Suppress up to `limit` mails that are due, whatever they are; how many."""
    status = await connection.execute(
        f"""
        UPDATE mail SET state = 'suppressed', reason = $1, next_try = NULL, claimed_by = NULL,
            ended_at = now()
        WHERE id IN (SELECT id FROM mail WHERE state IN {OPEN} AND next_try <= now()
            LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        reason,
        limit,
    )
    return int(status.rpartition(" ")[2])


async def count_by_state(connection: Connection) -> dict[str, int]:
    """How many mails wait or are being sent, and how many have ended in the last 24 hours."""
    rows = await connection.fetch(
        f"""
        SELECT state, count(*) AS number FROM mail WHERE state IN {OPEN} GROUP BY state
        UNION ALL
        SELECT state, count(*) FROM mail
        WHERE ended_at > now() - interval '24 hours' AND state NOT IN {OPEN} GROUP BY state
        """
    )
    return {row["state"]: row["number"] for row in rows}


async def forget(connection: Connection, before: dt.datetime, limit: int) -> int:
    """Forget up to `limit` mails that ended before a moment; how many. One that never ended is
    forgotten `PATIENCE` later still.
    """
    status = await connection.execute(
        """
        DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE created_at < $1
            AND coalesce(ended_at, created_at + $2::interval) < $1 LIMIT $3)
        """,
        before,
        PATIENCE,
        limit,
    )
    return int(status.rpartition(" ")[2])
