"""SQL: moves taken back, and what the school of origin asks for."""

from collections.abc import Collection
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from services.transfer.store.transfers import SIDES
from shared.database import Connection
from shared.identifiers import Uai


async def has_moved_on(
    connection: Connection, transfer_id: UUID, holders: Collection[UUID]
) -> bool:
    """Whether the records have gone on since, or are about to; `holders` are the receiving learner
    and whom he goes on as.
    """
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM transfer t JOIN transfer next
                ON next.origin_pupil = ANY($2::uuid[]) AND next.kind <> 'reversal'
                AND next.state IN ('requested', 'closed') AND next.requested_at > t.requested_at
            WHERE t.id = $1)
        """,
        transfer_id,
        list(holders),
    )
    return found


async def reverse(connection: Connection, transfer_id: UUID, because: str) -> list[Record]:
    """Enter the request that takes a transfer back: its sides swapped, under a new id."""
    return await connection.fetch(
        f"""
        INSERT INTO transfer (id, state, kind, reverses, because, origin_uai, origin_pupil,
            origin_stay, destination_uai, destination_pupil, names_differ, requested_at, asked_at)
        SELECT $2, 'requested', 'reversal', t.id, $3, destination_uai, destination_pupil,
            coalesce(p.stay, 1), origin_uai, origin_pupil, names_differ, clock_timestamp(),
            clock_timestamp()
        FROM transfer t LEFT JOIN presence p ON p.pupil_id = t.destination_pupil
        WHERE t.id = $1 RETURNING {SIDES}
        """,
        transfer_id,
        uuid7(),
        because,
    )


async def ask_return(connection: Connection, transfer_id: UUID, because: str | None) -> None:
    """Note that the origin asks for the records, or, with None, that this was declined."""
    await connection.execute(
        """
        UPDATE transfer SET return_because = $2::text,
            return_asked_at = CASE WHEN $2::text IS NOT NULL THEN clock_timestamp() END
        WHERE id = $1
        """,
        transfer_id,
        because,
    )


async def incidents(connection: Connection, uai: Uai) -> list[Record]:
    """The transfers of a school that were reversed because it was another person: from when to when
    the receiving school could look.
    """
    return await connection.fetch(
        """
        SELECT t.id, t.origin_uai, t.origin_pupil, t.destination_uai, t.destination_pupil,
            t.counts, t.answered_at AS since, r.answered_at AS until, r.left_behind,
            r.counts AS returned
        FROM transfer t JOIN transfer r ON r.reverses = t.id AND r.state = 'closed'
        WHERE (t.origin_uai = $1 OR t.destination_uai = $1) AND t.state = 'reversed'
            AND t.because = 'other-person'
        ORDER BY r.id DESC
        """,
        uai,
    )
