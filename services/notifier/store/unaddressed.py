"""SQL: what schools were not told because their e-mail is not known."""

import datetime as dt
import json
from collections.abc import Sequence

from services.notifier.domain.mails import Mail
from services.notifier.store import columns
from shared.database import Connection
from shared.telemetry import current_traceparent


async def note(connection: Connection, mails: Sequence[Mail]) -> None:
    """Note mails that have no address to go to."""
    await connection.execute(
        """
        INSERT INTO unaddressed (id, uai, kind, subject, content, topic, version, happened_at,
            traceparents)
        SELECT id, uai, kind, subject, content::jsonb, topic, coalesce(version, 0),
            coalesce(happened_at, now()), ARRAY[$9::text]
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::int[], $8::timestamptz[])
            AS new (id, uai, kind, subject, content, topic, version, happened_at)
        ON CONFLICT (id) DO NOTHING
        """,
        *columns(
            (
                m.id, m.uai, m.kind, m.subject, json.dumps(dict(m.content)),
                m.topic and m.topic.name, m.topic and m.topic.version,
                m.topic and m.topic.happened_at,
            )
            for m in mails
        ),
        current_traceparent(),
    )  # fmt: skip


async def send(connection: Connection, schools: Sequence[str] | None = None) -> None:
    """Enter what these schools (or any) were not told into the ledger, for those whose e-mail is
    known now. Of one topic the newest is told.
    """
    await connection.execute(
        """
        WITH told AS (
            DELETE FROM unaddressed u USING school s
            WHERE ($1::text[] IS NULL OR u.uai = ANY($1)) AND s.uai = u.uai
                AND s.email IS NOT NULL
            RETURNING u.*, s.email, s.name
        )
        INSERT INTO mail (id, kind, uai, address, name, subject, content, topic, version,
            happened_at, traceparents)
        SELECT DISTINCT ON (coalesce(topic, id::text)) id, kind, uai, email, name, subject, content,
            topic, version, happened_at, traceparents
        FROM told ORDER BY coalesce(topic, id::text), version DESC, happened_at DESC
        ON CONFLICT (id) DO NOTHING
        """,
        schools,
    )


async def count(connection: Connection) -> int:
    """How many schools have not been told something."""
    number: int = await connection.fetchval("SELECT count(DISTINCT uai) FROM unaddressed")
    return number


async def of_school(connection: Connection, uai: str) -> int:
    """How many things a school has not been told."""
    number: int = await connection.fetchval("SELECT count(*) FROM unaddressed WHERE uai = $1", uai)
    return number


async def forget(connection: Connection, before: dt.datetime) -> None:
    """Forget what was noted before a moment."""
    await connection.execute("DELETE FROM unaddressed WHERE since < $1", before)
