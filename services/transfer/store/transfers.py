"""SQL: the transfers that the rule opens, and what `dossier` answers."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from services.transfer.domain.deciding import Decision
from services.transfer.store.presences import columns
from shared.database import Connection
from shared.events import DossierTransferred, DossierTransferRefused
from shared.identifiers import Uai

SIDES = """id, kind, reverses, origin_uai, origin_pupil, origin_stay, destination_uai,
    destination_pupil"""
"""What a request is made of."""

_KEYS = "SELECT ine_key FROM match_key k WHERE k.pupil_id IN (origin_pupil, destination_pupil)"
"""The INE keys of both sides of a transfer."""

_KEYS_LEFT = f"""{_KEYS} AND (NOT away OR EXISTS (SELECT FROM match_key other
    WHERE other.ine_key = k.ine_key
        AND other.pupil_id NOT IN (origin_pupil, destination_pupil) OFFSET 0))"""
"""Those that a closed transfer leaves to decide: that someone else holds too, and all where the
learner of the origin is back or has left once more (ADR 49).
"""


async def open_transfers(connection: Connection, decisions: Sequence[Decision]) -> list[Record]:
    """Enter a requested transfer for each decision (with an arrival); returns the transfers."""
    pairs = [(d.departure, d.arrival) for d in decisions if d.arrival is not None]
    return await connection.fetch(
        f"""
        INSERT INTO transfer (id, state, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, names_differ, ready_at, requested_at, asked_at)
        SELECT n.id, 'requested', n.origin_uai, n.origin_pupil, n.origin_stay, n.destination_uai,
            n.destination_pupil, n.names_differ, n.ready_at, clock_timestamp(), clock_timestamp()
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::uuid[],
            $7::bool[], $8::timestamptz[]) AS n (id, origin_uai, origin_pupil, origin_stay,
            destination_uai, destination_pupil, names_differ, ready_at)
        RETURNING {SIDES}
        """,
        *columns(
            (
                uuid7(),
                d.uai,
                d.pupil_id,
                d.stay,
                a.uai,
                a.pupil_id,
                a.comparison.names_differ,
                max(d.since, a.since or d.since),
            )
            for d, a in pairs
        ),
    )


async def withdraw(connection: Connection, transfers: Sequence[UUID]) -> None:
    """Note that these requests are taken back; `dossier` says whether that came in time."""
    await connection.execute(
        """
        UPDATE transfer SET withdrawn_at = clock_timestamp(), asked_at = clock_timestamp()
        WHERE id = ANY($1::uuid[])
        """,
        transfers,
    )


async def close(connection: Connection, answers: Sequence[DossierTransferred]) -> list[Record]:
    """Close the requests whose records have moved, and keep the newest counts of those that
    records have followed since; returns the former, each with the `ine_keys` that it
    leaves to decide (ADR 49).

    Where a reversal is answered, the transfer that it takes back is reversed, and nothing moves
    between its learners until someone lifts that. An answer given again changes nothing.
    """
    newest = {a.transfer_id: a for a in sorted(answers, key=lambda answer: answer.part)}
    return await connection.fetch(
        f"""
        WITH answer AS (
            SELECT a.id, a.counts, a.part, a.left_behind::uuid[], t.state = 'requested' AS closes,
                t.reverses, t.because
            FROM unnest($1::uuid[], $2::jsonb[], $3::int[], $4::text[])
                AS a (id, counts, part, left_behind)
            CROSS JOIN LATERAL (SELECT * FROM transfer WHERE id = a.id OFFSET 0) t
            WHERE t.state = 'requested' OR (t.state IN ('closed', 'reversed') AND t.part < a.part)
        ), taken_back AS (
            SELECT reverses AS id, because FROM answer WHERE closes AND reverses IS NOT NULL
        ), news AS ( -- of one transfer both: records that followed, and that it is taken back
            SELECT id, a.counts, a.part, a.left_behind, coalesce(a.closes, false) AS closes,
                b.id IS NOT NULL AS reversed, b.because
            FROM answer a FULL JOIN taken_back b USING (id)
        ), told AS (
            UPDATE transfer t SET
                state = CASE WHEN n.reversed THEN 'reversed' WHEN n.closes THEN 'closed'
                    ELSE t.state END,
                because = CASE WHEN n.reversed THEN n.because ELSE t.because END,
                answered_at = coalesce(t.answered_at, clock_timestamp()),
                counts = coalesce(n.counts, t.counts), part = coalesce(n.part, t.part),
                left_behind = coalesce(n.left_behind, t.left_behind)
            FROM news n WHERE t.id = n.id AND t.id = ANY(ARRAY(SELECT id FROM news))
            RETURNING t.*, n.closes, n.reversed
        ), held AS (
            INSERT INTO not_to_transfer (one_pupil, other_pupil, transfer_id, since)
            SELECT least(origin_pupil, destination_pupil),
                greatest(origin_pupil, destination_pupil), id, clock_timestamp()
            FROM told WHERE reversed ON CONFLICT DO NOTHING
        ), closed AS (
            SELECT *, EXISTS (
                SELECT FROM presence
                WHERE pupil_id = origin_pupil AND NOT active AND stay = origin_stay OFFSET 0
            ) AS away FROM told WHERE closes
        )
        SELECT {SIDES}, counts, ARRAY({_KEYS_LEFT}) AS ine_keys FROM closed
        """,
        list(newest),
        [dict(answer.counts) for answer in newest.values()],
        [answer.part for answer in newest.values()],
        ["{" + ",".join(map(str, answer.left)) + "}" for answer in newest.values()],
    )


async def cancel(
    connection: Connection, refusals: Sequence[DossierTransferRefused]
) -> list[Record]:
    """End requests that `dossier` has refused; the departures are then decided anew: `ine_keys` of
    both sides. (Whoever changes requests is in single file.)
    """
    return await connection.fetch(
        f"""
        UPDATE transfer t SET state = 'cancelled', answered_at = clock_timestamp(),
            refused_because = r.reason
        FROM unnest($1::uuid[], $2::text[]) AS r (id, reason)
        CROSS JOIN LATERAL (SELECT state FROM transfer WHERE id = r.id OFFSET 0) present
        WHERE t.id = r.id AND t.id = ANY($1::uuid[]) AND present.state = 'requested'
        RETURNING t.id, ARRAY({_KEYS}) AS ine_keys
        """,
        [refusal.transfer_id for refusal in refusals],
        [refusal.reason for refusal in refusals],
    )


async def withdraw_of_pupils(
    connection: Connection, gone: Collection[UUID], erased: Collection[UUID]
) -> list[UUID]:
    """Take back the requests about learners who are no longer known, and end offers of them;
    returns the requests. What people have accepted for one who was merged since stays: `dossier`
    gives it to whom he goes on as.
    """
    rows = await connection.fetch(
        """
        WITH concerned AS (
            SELECT t.id, t.state, g.pupil_id = ANY($2::uuid[]) AS erased
            FROM transfer t, unnest($1::uuid[]) AS g (pupil_id)
            WHERE g.pupil_id IN (t.origin_pupil, t.destination_pupil)
                AND t.state IN ('offered', 'requested') AND t.withdrawn_at IS NULL
                AND (g.pupil_id = t.origin_pupil OR t.kind <> 'by-hand'
                    OR g.pupil_id = ANY($2::uuid[]))
                AND NOT EXISTS (SELECT FROM presence p WHERE p.pupil_id = g.pupil_id)
        ), ended AS (
            UPDATE transfer t SET state = 'cancelled', answered_at = clock_timestamp(),
                refused_because = CASE WHEN c.erased THEN 'erased' ELSE 'merged' END
            FROM concerned c WHERE t.id = c.id AND c.state = 'offered'
        )
        UPDATE transfer t SET withdrawn_at = clock_timestamp(), asked_at = clock_timestamp()
        FROM concerned c WHERE t.id = c.id AND c.state = 'requested' RETURNING t.id
        """,
        list(gone),
        list(erased),
    )
    return [row["id"] for row in rows]


async def end_offers_to(connection: Connection, schools: Sequence[Uai]) -> list[UUID]:
    """End the offers that wait for schools which have closed; returns the learners offered."""
    rows = await connection.fetch(
        """
        UPDATE transfer SET state = 'cancelled', answered_at = clock_timestamp(),
            refused_because = 'closed'
        WHERE destination_uai = ANY($1::text[]) AND state = 'offered' RETURNING origin_pupil
        """,
        schools,
    )
    return [row["origin_pupil"] for row in rows]


async def match_offers(connection: Connection, matched: Mapping[UUID, UUID | None]) -> None:
    """Note on offers whom the rule has found meanwhile, or that it no longer finds anyone."""
    await connection.execute(
        """
        UPDATE transfer t SET matched_pupil = m.pupil_id
        FROM unnest($1::uuid[], $2::uuid[]) AS m (id, pupil_id)
        WHERE t.id = m.id AND t.state = 'offered'
        """,
        list(matched),
        list(matched.values()),
    )


async def ask_again(connection: Connection, older_than: dt.timedelta) -> list[Record]:
    """The requests that `dossier` has not answered for so long, marked as asked now."""
    return await connection.fetch(
        f"""
        UPDATE transfer SET asked_at = clock_timestamp(), asked = asked + 1
        WHERE state = 'requested' AND asked_at < clock_timestamp() - $1::interval
        RETURNING {SIDES}, withdrawn_at
        """,
        older_than,
    )
