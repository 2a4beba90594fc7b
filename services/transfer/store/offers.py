"""SQL: transfers by hand, from the offer to the answer of the receiving school."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from services.transfer.store.lists import DEPARTED, HAS_INE
from services.transfer.store.presences import columns
from services.transfer.store.transfers import SIDES
from shared.database import Connection
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class NewOffer:
    """An offer of one learner to one school, with what was collected for it."""

    pupil_id: UUID
    stay: int
    destination: Uai
    collected_from: str
    collected_on: dt.date
    paper: str


async def candidates(
    connection: Connection, uai: Uai, pupils: Collection[UUID]
) -> dict[UUID, Record]:
    """Learners of the school: stay, since, departed, under_way, from_siecle_with_ine."""
    rows = await connection.fetch(
        f"""
        SELECT p.pupil_id, p.stay, p.since, {DEPARTED} AS departed,
            EXISTS (SELECT FROM transfer t WHERE t.origin_pupil = p.pupil_id
                AND t.origin_stay = p.stay AND t.kind <> 'reversal'
                AND t.state IN ('offered', 'requested', 'closed')) AS under_way,
            p.source = 'siecle' AND {HAS_INE} AS from_siecle_with_ine
        FROM presence p WHERE p.uai = $1 AND p.pupil_id = ANY($2::uuid[])
        """,
        uai,
        list(pupils),
    )
    return {row["pupil_id"]: row for row in rows}


async def add(
    connection: Connection, uai: Uai, batch: UUID, by_whom: str, offers: Sequence[NewOffer]
) -> None:
    """Enter offers and what was collected for each."""
    await connection.execute(
        """
        WITH given AS (
            SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[],
                $9::date[], $10::text[])
                AS o (id, pupil_id, stay, destination, collected_from, collected_on, paper)
        ), offered AS (
            INSERT INTO transfer (id, state, kind, batch, origin_uai, origin_pupil, origin_stay,
                destination_uai, names_differ, requested_at, asked_at)
            SELECT id, 'offered', 'by-hand', $2, $1, pupil_id, stay, destination, false,
                clock_timestamp(), clock_timestamp()
            FROM given RETURNING id
        )
        INSERT INTO authorisation (transfer_id, decided_by, decided_at, collected_from,
            collected_on, paper)
        SELECT id, $3, clock_timestamp(), collected_from, collected_on, paper
        FROM given JOIN offered USING (id)
        """,
        uai,
        batch,
        by_whom,
        *columns(
            (uuid7(), o.pupil_id, o.stay, o.destination, o.collected_from, o.collected_on, o.paper)
            for o in offers
        ),
    )


_OFFER = f"""
    SELECT {SIDES}, state, batch, matched_pupil, kept_despite, requested_at,
        collected_from, collected_on, paper
    FROM transfer JOIN authorisation ON transfer_id = id
"""


async def of_batch(connection: Connection, batch: UUID) -> list[Record]:
    """The offers that one request has made."""
    return await connection.fetch(f"{_OFFER} WHERE batch = $1 ORDER BY id", batch)


async def waiting_for(
    connection: Connection, uai: Uai, after: UUID | None, limit: int
) -> list[Record]:
    """The offers that wait for the answer of `uai`, oldest first."""
    return await connection.fetch(
        f"""
        {_OFFER} WHERE destination_uai = $1 AND state = 'offered' AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id LIMIT $3
        """,
        uai,
        after,
        limit,
    )


async def made_by(connection: Connection, uai: Uai, after: UUID | None, limit: int) -> list[Record]:
    """The offers of `uai` that wait for an answer, oldest first."""
    return await connection.fetch(
        f"""
        {_OFFER} WHERE origin_uai = $1 AND state = 'offered' AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id LIMIT $3
        """,
        uai,
        after,
        limit,
    )


async def one(connection: Connection, transfer_id: UUID) -> Record | None:
    """A transfer by hand, whatever its state."""
    return await connection.fetchrow(f"{_OFFER} WHERE id = $1", transfer_id)


async def end(connection: Connection, transfer_id: UUID, state: str, because: str | None) -> None:
    """End an offer: cancelled by the origin, or refused by the receiving school."""
    await connection.execute(
        """
        UPDATE transfer SET state = $2, because = $3, answered_at = clock_timestamp()
        WHERE id = $1 AND state = 'offered'
        """,
        transfer_id,
        state,
        because,
    )


async def keep(connection: Connection, transfer_id: UUID) -> None:
    """Keep an offer although the rule has found someone."""
    await connection.execute(
        "UPDATE transfer SET kept_despite = matched_pupil WHERE id = $1", transfer_id
    )


async def accept(connection: Connection, transfer_id: UUID, pupil_id: UUID) -> Record | None:
    """Make a request of an offer, towards a learner of the receiving school."""
    return await connection.fetchrow(
        f"""
        UPDATE transfer SET state = 'requested', destination_pupil = $2,
            requested_at = clock_timestamp(), asked_at = clock_timestamp()
        WHERE id = $1 AND state = 'offered' RETURNING {SIDES}
        """,
        transfer_id,
        pupil_id,
    )


async def is_active_in(connection: Connection, uai: Uai, pupil_id: UUID) -> bool | None:
    """Whether the learner is active in this school; None if nobody has told of him."""
    active: bool | None = await connection.fetchval(
        "SELECT active AND uai = $1 FROM presence WHERE pupil_id = $2", uai, pupil_id
    )
    return active


async def shares_a_request(connection: Connection, pupils: Collection[UUID]) -> bool:
    """Whether a request under way concerns one of these learners."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM transfer WHERE state = 'requested'
            AND (origin_pupil = ANY($1::uuid[]) OR destination_pupil = ANY($1::uuid[])))
        """,
        list(pupils),
    )
    return found


async def take_to_remind(connection: Connection, patience: dt.timedelta) -> list[Record]:
    """The offers that have waited for so long and of which their schools have been told once only,
    marked as told again: id, batch, origin_uai, destination_uai.
    """
    return await connection.fetch(
        """
        UPDATE transfer SET reminded_at = clock_timestamp()
        WHERE state = 'offered' AND reminded_at IS NULL
            AND requested_at < clock_timestamp() - $1::interval
        RETURNING id, batch, origin_uai, destination_uai
        """,
        patience,
    )
