"""SQL: what a school reads of its transfers, and of its learners who left or came."""

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.events import NO_DEPARTURE, UNDONE
from shared.identifiers import Uai

JUST_RECEIVED = dt.timedelta(days=7)

DEPARTED = f"""
    NOT p.active AND (coalesce(p.reason NOT IN ({", ".join(f"'{r}'" for r in NO_DEPARTURE)}), true)
        OR EXISTS (SELECT FROM transfer r WHERE r.destination_pupil = p.pupil_id
            AND r.state = 'closed' AND r.kind <> 'reversal'))
"""
"""Has left; or is inactive for another reason, and a dossier has reached him all the same, which
must be able to go on.
"""

HAS_INE = """
    (p.key_version = 0 OR EXISTS (SELECT FROM match_key k WHERE k.pupil_id = p.pupil_id))
"""
"""Has an INE; who was set aside in a rotation of keys (version 0) has one as well."""

_TRANSFER = """
    SELECT id, kind, state, reverses, origin_uai, origin_pupil, destination_uai,
        destination_pupil, names_differ, requested_at, answered_at, because, refused_because,
        counts, left_behind, return_asked_at, return_because, matched_pupil, kept_despite
    FROM transfer
"""


async def transfers_of(
    connection: Connection, uai: Uai, before: UUID | None, limit: int, *, without_data: bool
) -> list[Record]:
    """The transfers from or to a school, newest first, those with an id below `before`; closed ones
    that moved nothing only if `without_data`.
    """
    return await connection.fetch(
        f"""
        {_TRANSFER}
        WHERE (origin_uai = $1 OR destination_uai = $1) AND ($2::uuid IS NULL OR id < $2)
            AND ($4 OR state <> 'closed' OR counts <> '{{}}')
        ORDER BY id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
        without_data,
    )


async def transfer(connection: Connection, uai: Uai, transfer_id: UUID) -> Record | None:
    """A transfer from or to this school."""
    return await connection.fetchrow(
        f"{_TRANSFER} WHERE id = $2 AND (origin_uai = $1 OR destination_uai = $1)", uai, transfer_id
    )


async def doubtful(connection: Connection, uai: Uai) -> list[Record]:
    """The closed transfers of a school between learners who no longer match (rule 7)."""
    return await connection.fetch(
        f"""
        {_TRANSFER} t
        WHERE (origin_uai = $1 OR destination_uai = $1) AND state = 'closed' AND kind = 'automatic'
            AND EXISTS (SELECT FROM presence o JOIN presence d ON d.key_version = o.key_version
                WHERE o.pupil_id = t.origin_pupil AND d.pupil_id = t.destination_pupil
                    AND o.key_version > 0)
            AND NOT EXISTS (SELECT FROM match_key o JOIN match_key d USING (ine_key, birth_key)
                WHERE o.pupil_id = t.origin_pupil AND d.pupil_id = t.destination_pupil)
            AND NOT EXISTS (SELECT FROM opinion p WHERE p.origin_pupil = t.origin_pupil
                AND p.destination_pupil = t.destination_pupil AND p.same)
        ORDER BY id DESC
        """,
        uai,
    )


_MOVED = """
    state = 'closed' AND kind <> 'reversal' AND counts <> '{}' AND answered_at >= $2
"""


async def moved_by_week(connection: Connection, uai: Uai, since: dt.datetime) -> list[Record]:
    """How many dossiers a school has sent and received since a moment: week (its Monday in Paris),
    sent, received.
    """
    return await connection.fetch(
        f"""
        SELECT date_trunc('week', answered_at AT TIME ZONE 'Europe/Paris')::date AS week,
            count(*) FILTER (WHERE origin_uai = $1) AS sent,
            count(*) FILTER (WHERE destination_uai = $1) AS received
        FROM transfer WHERE (origin_uai = $1 OR destination_uai = $1) AND {_MOVED}
        GROUP BY 1 ORDER BY 1
        """,
        uai,
        since,
    )


async def moved_by_school(connection: Connection, uai: Uai, since: dt.datetime) -> list[Record]:
    """The same by the other school: uai, sent, received; those with most dossiers first."""
    return await connection.fetch(
        f"""
        SELECT CASE origin_uai WHEN $1 THEN destination_uai ELSE origin_uai END AS uai,
            count(*) FILTER (WHERE origin_uai = $1) AS sent,
            count(*) FILTER (WHERE destination_uai = $1) AS received
        FROM transfer WHERE (origin_uai = $1 OR destination_uai = $1) AND {_MOVED}
        GROUP BY 1 ORDER BY count(*) DESC, 1
        """,
        uai,
        since,
    )


class UnknownCursorError(Exception):
    """The learner behind whom a page was to begin has been erased."""


async def departed(
    connection: Connection,
    uai: Uai,
    after: UUID | None,
    limit: int,
    *,
    by_itself: bool | None = None,
    oldest_first: bool = False,
) -> list[Record]:
    """The learners who have left a school and whose records are neither under way nor gone, the
    last first: pupil_id, stay, since, source, last_year, has_ine, set_aside, offer_id, offered_to.
    `by_itself`: only those who come from SIECLE with an INE, or only the others.

    Raises:
        UnknownCursorError
    """
    behind, way = (">", "ASC") if oldest_first else ("<", "DESC")
    rows = await connection.fetch(
        f"""
        SELECT p.pupil_id, p.stay, p.since, p.source, p.last_year, f.id AS offer_id,
            f.destination_uai AS offered_to, p.key_version = 0 AS set_aside, {HAS_INE} AS has_ine
        FROM presence p
        LEFT JOIN transfer f ON f.origin_pupil = p.pupil_id AND f.state = 'offered'
        WHERE p.uai = $1 AND {DEPARTED}
            AND ($2::uuid IS NULL OR (p.since, p.pupil_id)
                {behind} (SELECT since, pupil_id FROM presence WHERE pupil_id = $2 AND uai = $1))
            AND ($4::bool IS NULL OR $4 = (p.source = 'siecle' AND {HAS_INE}))
            AND NOT EXISTS (SELECT FROM transfer t WHERE t.origin_pupil = p.pupil_id
                AND t.origin_stay = p.stay AND t.kind <> 'reversal'
                AND (t.state IN ('requested', 'closed') OR t.refused_because = 'returned'))
        ORDER BY p.since {way}, p.pupil_id {way} LIMIT $3
        """,
        uai,
        after,
        limit,
        by_itself,
    )
    if after is not None and not rows and await everything_about(connection, uai, after) is None:
        raise UnknownCursorError
    return rows


async def unclaimed(
    connection: Connection, uai: Uai, left_by: dt.date, *, last_year: bool
) -> list[Record]:
    """The departures of a school, up to a day, of whom no other school has an active learner with
    an INE in common: pupil_id, since (rule 9).
    """
    return await connection.fetch(
        f"""
        SELECT p.pupil_id, p.since FROM presence p
        WHERE p.uai = $1 AND {DEPARTED} AND p.since < $2 AND p.last_year = $3
            AND NOT EXISTS (SELECT FROM transfer t WHERE t.origin_pupil = p.pupil_id
                AND t.origin_stay = p.stay AND t.kind <> 'reversal'
                AND (t.state IN ('offered', 'requested', 'closed')
                    OR t.refused_because = 'returned'))
            AND NOT EXISTS (SELECT FROM match_key k JOIN match_key o USING (ine_key)
                JOIN presence a ON a.pupil_id = o.pupil_id
                WHERE k.pupil_id = p.pupil_id AND a.active AND a.uai <> p.uai)
        ORDER BY p.since, p.pupil_id
        """,
        uai,
        dt.datetime.combine(left_by, dt.time(), dt.UTC),
        last_year,
    )


async def expected(connection: Connection, uai: Uai) -> list[Record]:
    """The learners who came to a school and have received nothing: pupil_id, previous_uai, since,
    and whether that school has an import in force but does not take part (rule 9).
    """
    return await connection.fetch(
        """
        SELECT p.pupil_id, p.previous_uai, p.since,
            i.uai IS NOT NULL AND NOT coalesce(s.active, false) AS expected
        FROM presence p
        LEFT JOIN import_in_force i ON i.uai = p.previous_uai
        LEFT JOIN participation s ON s.uai = p.previous_uai
        WHERE p.uai = $1 AND p.active AND p.previous_uai <> p.uai
            AND NOT EXISTS (SELECT FROM transfer t WHERE t.destination_pupil = p.pupil_id
                AND t.state IN ('requested', 'closed'))
        ORDER BY p.pupil_id
        """,
        uai,
    )


async def under_way(connection: Connection, pupils: Collection[UUID]) -> list[UUID]:
    """Those of `pupils` who are offered, or in a request on either side; and those whom a dossier
    has reached in the last days though the import that created them is undone: the pupil base may
    not have heard of it yet.
    """
    rows = await connection.fetch(
        """
        SELECT p.id FROM unnest($1::uuid[]) AS p (id)
        WHERE EXISTS (SELECT FROM transfer t WHERE t.state IN ('offered', 'requested')
                AND t.origin_pupil = p.id)
            OR EXISTS (SELECT FROM transfer t WHERE t.state = 'requested'
                AND t.destination_pupil = p.id)
            OR EXISTS (SELECT FROM transfer t JOIN presence q ON q.pupil_id = t.destination_pupil
                WHERE t.destination_pupil = p.id AND q.reason = $2 AND t.state = 'closed'
                    AND t.answered_at > clock_timestamp() - $3::interval)
        """,
        list(pupils),
        UNDONE,
        JUST_RECEIVED,
    )
    return [row["id"] for row in rows]


async def goes_on_as(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, UUID]:
    """Whom each of these learners goes on as in his school: himself, unless he was merged."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE chain (asked, pupil_id) AS (
            SELECT id, id FROM unnest($1::uuid[]) AS p (id)
            UNION
            SELECT chain.asked, m.goes_on_as FROM chain JOIN merged m USING (pupil_id)
            WHERE m.goes_on_as IS NOT NULL
        )
        SELECT asked, chain.pupil_id FROM chain LEFT JOIN merged m USING (pupil_id)
        WHERE m.goes_on_as IS NULL
        """,
        list(pupils),
    )
    return {row["asked"]: row["pupil_id"] for row in rows}


async def everything_about(connection: Connection, uai: Uai, pupil_id: UUID) -> Record | None:
    """What this service holds of a learner, beside transfers and acts; keys are only counted."""
    return await connection.fetchrow(
        """
        SELECT p.pupil_id, p.uai, p.version, p.stay, p.active, p.since, p.activated, p.reason,
            p.source, p.mef, p.last_year, p.previous_uai, p.has_birth_date,
            (SELECT count(*) FROM match_key k WHERE k.pupil_id = p.pupil_id) AS match_keys
        FROM presence p WHERE p.uai = $1 AND p.pupil_id = $2
        """,
        uai,
        pupil_id,
    )


async def transfers_about(connection: Connection, cards: Collection[UUID]) -> list[Record]:
    """The transfers from or to these cards of a learner, newest first."""
    return await connection.fetch(
        f"""
        {_TRANSFER} WHERE origin_pupil = ANY($1::uuid[]) OR destination_pupil = ANY($1::uuid[])
        ORDER BY id DESC
        """,
        list(cards),
    )
