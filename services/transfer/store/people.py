"""SQL: what people decide about learners, and the trail of what they did."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from shared.database import Connection
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Act:
    """What someone does for a school: `what` and `because` are words of lists, never free text."""

    uai: Uai
    by_whom: str
    what: str
    because: str | None = None
    transfer_id: UUID | None = None
    pupil_id: UUID | None = None
    other_pupil: UUID | None = None


async def note(connection: Connection, acts: Sequence[Act]) -> None:
    """Write acts to the trail."""
    await connection.executemany(
        """
        INSERT INTO act (id, at, uai, by_whom, what, because, transfer_id, pupil_id, other_pupil)
        VALUES ($1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (uuid7(), a.uai, a.by_whom, a.what, a.because, a.transfer_id, a.pupil_id, a.other_pupil)
            for a in acts
        ],
    )


async def acts_about(
    connection: Connection, transfer_id: UUID | None, pupils: Collection[UUID]
) -> list[Record]:
    """What was done about a transfer or its learners, oldest first."""
    return await connection.fetch(
        """
        SELECT id, at, uai, by_whom, what, because, transfer_id, pupil_id, other_pupil FROM act
        WHERE transfer_id = $1 OR pupil_id = ANY($2::uuid[]) OR other_pupil = ANY($2::uuid[])
        ORDER BY id
        """,
        transfer_id,
        list(pupils),
    )


async def cards_of(connection: Connection, pupil_id: UUID) -> list[UUID]:
    """A learner and the doubles who go on as him: what was decided about one holds for all."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE card (pupil_id) AS (
            SELECT $1::uuid
            UNION
            SELECT m.pupil_id FROM card JOIN merged m ON m.goes_on_as = card.pupil_id
        )
        SELECT pupil_id FROM card
        """,
        pupil_id,
    )
    return [row["pupil_id"] for row in rows]


async def oppose(connection: Connection, uai: Uai, pupil_id: UUID, by_whom: str) -> bool:
    """Record an opposition; whether there was none before."""
    return bool(
        await connection.fetchval(
            """
            INSERT INTO opposition (pupil_id, uai, recorded_by, recorded_at)
            VALUES ($1, $2, $3, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING true
            """,
            pupil_id,
            uai,
            by_whom,
        )
    )


async def opposed_since(connection: Connection, cards: Collection[UUID]) -> dt.datetime | None:
    """Since when an opposition is recorded for one of these cards of a learner, if it is."""
    since: dt.datetime | None = await connection.fetchval(
        "SELECT min(recorded_at) FROM opposition WHERE pupil_id = ANY($1::uuid[])", list(cards)
    )
    return since


async def lift_opposition(connection: Connection, cards: Collection[UUID]) -> bool:
    """Lift the opposition recorded for these cards of a learner; whether there was one."""
    rows = await connection.fetch(
        "DELETE FROM opposition WHERE pupil_id = ANY($1::uuid[]) RETURNING pupil_id", list(cards)
    )
    return bool(rows)


async def opposed(connection: Connection, pupils: Collection[UUID]) -> set[UUID]:
    """Those of `pupils` whose family objects, said of them or of doubles merged into them."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE card (holder, pupil_id) AS (
            SELECT id, id FROM unnest($1::uuid[]) AS p (id)
            UNION
            SELECT card.holder, m.pupil_id FROM card JOIN merged m ON m.goes_on_as = card.pupil_id
        )
        SELECT DISTINCT holder FROM card JOIN opposition USING (pupil_id)
        """,
        list(pupils),
    )
    return {row["holder"] for row in rows}


async def held(connection: Connection, one: UUID, other: UUID) -> bool:
    """Whether a reversal holds these two, or doubles who go on as one of them."""
    pairs = await cards_of(connection, one), await cards_of(connection, other)
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM not_to_transfer
            WHERE (one_pupil = ANY($1::uuid[]) AND other_pupil = ANY($2::uuid[]))
                OR (one_pupil = ANY($2::uuid[]) AND other_pupil = ANY($1::uuid[])))
        """,
        *pairs,
    )
    return found


async def judge(
    connection: Connection,
    pair: tuple[UUID, UUID],
    side: str,
    by_whom: str,
    comparison: str,
    *,
    same: bool,
) -> None:
    """Keep what a side says of two learners (origin's, destination's); its newest word counts, also
    over what it had said of doubles who go on as one of them.
    """
    await connection.execute(
        """
        WITH RECURSIVE card (holder, pupil_id) AS (
            SELECT id, id FROM unnest(ARRAY[$1::uuid, $2::uuid]) AS p (id)
            UNION
            SELECT card.holder, m.pupil_id FROM card JOIN merged m ON m.goes_on_as = card.pupil_id
        ), earlier AS (
            DELETE FROM opinion o USING card a, card b WHERE o.side = $3
                AND a.holder = $1 AND o.origin_pupil = a.pupil_id
                AND b.holder = $2 AND o.destination_pupil = b.pupil_id
                AND (o.origin_pupil, o.destination_pupil) <> ($1, $2)
        )
        INSERT INTO opinion (origin_pupil, destination_pupil, side, same, comparison, given_by,
            given_at)
        VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
        ON CONFLICT (origin_pupil, destination_pupil, side) DO UPDATE SET same = EXCLUDED.same,
            comparison = EXCLUDED.comparison, given_by = EXCLUDED.given_by,
            given_at = EXCLUDED.given_at
        """,
        *pair,
        side,
        same,
        comparison,
        by_whom,
    )


async def lift_hold(connection: Connection, transfer_id: UUID) -> bool:
    """Let records move again between the learners of a transfer that was reversed."""
    return bool(
        await connection.fetchval(
            "DELETE FROM not_to_transfer WHERE transfer_id = $1 RETURNING true", transfer_id
        )
    )


async def forget_trail(connection: Connection, before: dt.datetime) -> None:
    """Forget what was done before a moment, and the transfers that had ended by then, those apart
    whose learner could still be asked about.
    """
    await connection.execute(
        """
        WITH trail AS (
            DELETE FROM act WHERE at < $1
        ), switches AS (
            DELETE FROM participation_change WHERE changed_at < $1
        ), ended AS (
            SELECT t.id FROM transfer t WHERE t.answered_at < $1
                AND t.state NOT IN ('offered', 'requested')
                AND NOT EXISTS (SELECT FROM presence p
                    WHERE p.pupil_id IN (t.origin_pupil, t.destination_pupil))
        ), papers AS (
            DELETE FROM authorisation a USING ended WHERE a.transfer_id = ended.id
        )
        DELETE FROM transfer t USING ended WHERE t.id = ended.id
        """,
        before,
    )


async def forget_decisions(connection: Connection, pupils: Collection[UUID]) -> None:
    """Forget what was decided about learners who are erased."""
    await connection.execute(
        """
        WITH oppositions AS (
            DELETE FROM opposition WHERE pupil_id = ANY($1::uuid[])
        ), opinions AS (
            DELETE FROM opinion WHERE origin_pupil = ANY($1::uuid[])
                OR destination_pupil = ANY($1::uuid[])
        )
        DELETE FROM not_to_transfer WHERE one_pupil = ANY($1::uuid[])
            OR other_pupil = ANY($1::uuid[])
        """,
        list(pupils),
    )
