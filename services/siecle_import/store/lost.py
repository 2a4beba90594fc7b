"""SQL: learners whom a restore has lost (docs/restore.md)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.siecle_import.domain.lost import Lost
from shared.database import Connection
from shared.identifiers import Uai


async def keep(connection: Connection, lost: Sequence[Lost]) -> None:
    """Keep lost learners as they were told last."""
    await connection.executemany(
        """
        INSERT INTO lost_learner (pupil_id, uai, version, stay, active, ine_keys, key_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
        """,
        [(o.pupil_id, o.uai, o.version, o.stay, o.active, o.ine_keys, o.key_version) for o in lost],
    )


async def of_school(connection: Connection, uai: Uai, key_version: int) -> list[Lost]:
    """The lost learners of a school whose keys compare with those of this version."""
    rows = await connection.fetch(
        """
        SELECT pupil_id, uai, version, stay, active, ine_keys, key_version FROM lost_learner
        WHERE uai = $1 AND key_version = $2
        """,
        uai,
        key_version,
    )
    return [Lost(**row) for row in rows]


async def forget(connection: Connection, ids: Collection[UUID]) -> None:
    """Forget that these learners were lost."""
    await connection.execute("DELETE FROM lost_learner WHERE pupil_id = ANY($1::uuid[])", ids)
