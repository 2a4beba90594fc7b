"""SQL: the schools of counts and figures, and the transfers that they count."""

import datetime as dt
from collections.abc import Collection

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


async def schools_after(connection: Connection, after: str, limit: int) -> list[Uai]:
    """The next schools that have told of learners or take part, in the order of their UAI.

    One look-up a school: the table of presences is not read.
    """
    rows = await connection.fetch(
        """
        WITH RECURSIVE next (uai, number) AS (
            SELECT (SELECT min(uai) FROM presence WHERE uai > $1), 1
            UNION ALL
            SELECT (SELECT min(p.uai) FROM presence p WHERE p.uai > next.uai), number + 1 FROM next
            WHERE next.uai IS NOT NULL AND number < $2
        )
        SELECT uai FROM (
            SELECT uai FROM next WHERE uai IS NOT NULL
            UNION
            SELECT DISTINCT destination_uai FROM transfer
            WHERE state = 'offered' AND destination_uai > $1
        ) AS s ORDER BY uai LIMIT $2
        """,
        after,
        limit,
    )
    return [Uai(row["uai"]) for row in rows]


async def keys_in_question(connection: Connection, schools: Collection[Uai]) -> set[bytes]:
    """The INE keys of the learners who have left these schools, and of those there who have left
    another one.
    """
    rows = await connection.fetch(
        """
        SELECT DISTINCT k.ine_key FROM presence p JOIN match_key k USING (pupil_id)
        WHERE p.uai = ANY($1::text[]) AND (NOT p.active OR EXISTS (
            SELECT FROM match_key o JOIN presence other ON other.pupil_id = o.pupil_id
            WHERE o.ine_key = k.ine_key AND other.uai <> p.uai AND NOT other.active))
        """,
        list(schools),
    )
    return {row["ine_key"] for row in rows}


async def offers_waiting(connection: Connection, schools: Collection[Uai]) -> dict[Uai, int]:
    """How many offers wait for the answer of each of these schools."""
    rows = await connection.fetch(
        """
        SELECT destination_uai, count(*) AS number FROM transfer
        WHERE state = 'offered' AND destination_uai = ANY($1::text[]) GROUP BY destination_uai
        """,
        list(schools),
    )
    return {Uai(row["destination_uai"]): row["number"] for row in rows}


async def schools_of(connection: Connection, academie: str) -> list[Uai]:
    """The schools of an académie, as the registry has told."""
    rows = await connection.fetch(
        "SELECT uai FROM school WHERE academie = $1 ORDER BY uai", academie
    )
    return [Uai(row["uai"]) for row in rows]


async def answered(
    connection: Connection, academie: str, begin: dt.datetime, end: dt.datetime
) -> list[Record]:
    """The transfers that ended well between two moments and left a school of the académie: kind,
    ready_at, requested_at, answered_at, whether they held nothing, whether they were reversed.
    """
    return await connection.fetch(
        """
        SELECT t.kind, t.ready_at, t.requested_at, t.answered_at, t.counts = '{}' AS nothing,
            t.state = 'reversed' AS reversed
        FROM transfer t JOIN school s ON s.uai = t.origin_uai
        WHERE s.academie = $1 AND t.state IN ('closed', 'reversed') AND t.kind <> 'reversal'
            AND t.answered_at >= $2 AND t.answered_at < $3
        """,
        academie,
        begin,
        end,
    )
