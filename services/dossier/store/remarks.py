"""SQL: what a school notes about its learners, for itself alone."""

from uuid import UUID

from asyncpg import Record

from services.dossier.store.records import CARDS
from shared.database import Connection
from shared.identifiers import Uai

_COLUMNS = "id, transfer_id, text, author, written_at"


async def add(
    connection: Connection,
    remark_id: UUID,
    pupil_id: UUID,
    uai: Uai,
    *,
    text: str,
    transfer_id: UUID | None,
    author: str,
) -> None:
    """Keep a remark about a learner of the school."""
    await connection.execute(
        """
        INSERT INTO remark (id, pupil_id, uai, text, transfer_id, author)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        remark_id,
        pupil_id,
        uai,
        text,
        transfer_id,
        author,
    )


async def remarks_on(
    connection: Connection,
    pupil_id: UUID,
    uai: Uai,
    *,
    transfer_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Record]:
    """The school's remarks on a learner, oldest first; those about one transfer, if given."""
    return await connection.fetch(
        f"""
        {CARDS} SELECT holder AS pupil_id, {_COLUMNS} FROM remark JOIN card USING (pupil_id)
        WHERE uai = $2 AND ($3::uuid IS NULL OR transfer_id = $3) AND ($4::uuid IS NULL OR id > $4)
        ORDER BY id LIMIT $5
        """,
        [pupil_id],
        uai,
        transfer_id,
        after,
        limit,
    )


async def remark_on(
    connection: Connection, pupil_id: UUID, uai: Uai, remark_id: UUID
) -> Record | None:
    """One remark of the school on a learner."""
    return await connection.fetchrow(
        f"""
        {CARDS} SELECT holder AS pupil_id, {_COLUMNS} FROM remark JOIN card USING (pupil_id)
        WHERE uai = $2 AND id = $3
        """,
        [pupil_id],
        uai,
        remark_id,
    )


async def remove(connection: Connection, remark_id: UUID) -> None:
    """Remove a remark."""
    await connection.execute("DELETE FROM remark WHERE id = $1", remark_id)
