"""SQL: what is held of one learner beside his card."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.database import Connection
from shared.identifiers import Uai


async def said_by_imports(
    connection: Connection, uai: Uai, ids: Sequence[UUID], numbers: Sequence[str]
) -> list[Record]:
    """What the school's imports have done to a learner or said of his line: import_id, received_at,
    in which `list` with what was shown, or the `code` of what was found.
    """
    return await connection.fetch(
        """
        SELECT r.id AS import_id, r.received_at, e.list, e.shown, NULL AS code
        FROM import_run r JOIN import_entry e ON e.import_id = r.id
        WHERE r.uai = $1
            AND (e.pupil_id = ANY($2::uuid[]) OR e.shown ->> 'eleve_id' = ANY($3::text[]))
        UNION ALL
        SELECT r.id, r.received_at, NULL, NULL, f.code
        FROM import_run r JOIN import_finding f ON f.import_id = r.id
        WHERE r.uai = $1 AND f.pupil = ANY($3::text[])
        ORDER BY received_at
        """,
        uai,
        ids,
        numbers,
    )


async def merges_of(connection: Connection, ids: Sequence[UUID]) -> list[Record]:
    """The merges of a learner: survivor, merged, reason, merged_at, undone_at."""
    return await connection.fetch(
        """
        SELECT survivor, merged, reason, merged_at, undone_at FROM merge
        WHERE survivor = ANY($1::uuid[]) OR merged = ANY($1::uuid[]) ORDER BY merged_at
        """,
        ids,
    )


async def transfers_of(connection: Connection, ids: Sequence[UUID]) -> list[Record]:
    """The closed transfers that name a learner: transfer_id, other_uai."""
    return await connection.fetch(
        """
        SELECT transfer_id, other_uai FROM pupil_transfer
        WHERE pupil_id = ANY($1::uuid[]) ORDER BY transfer_id
        """,
        ids,
    )
