"""Learners told anew: how far that is, and their higher versions."""

import datetime as dt
from collections.abc import Collection, Sequence
from uuid import UUID

from services.siecle_import.domain.pupils import Pupil
from services.siecle_import.store.pupils import COLUMNS
from shared.database import Connection
from shared.identifiers import Uai


async def begin(connection: Connection, new_id: UUID, key_version: int, *, restored: bool) -> UUID:
    """The republication of this kind that was interrupted, or a new one; returns its id."""
    await connection.execute(
        """
        INSERT INTO republication (id, key_version, restored) VALUES ($1, $2, $3)
        ON CONFLICT (restored, key_version) WHERE ended_at IS NULL DO NOTHING
        """,
        new_id,
        key_version,
        restored,
    )
    begun: UUID = await connection.fetchval(
        """
        SELECT id FROM republication
        WHERE ended_at IS NULL AND key_version = $1 AND restored = $2
        """,
        key_version,
        restored,
    )
    return begun


async def next_school(connection: Connection, republication: UUID) -> Uai | None:
    """The school that comes next; one process at a time asks."""
    after = await connection.fetchval(
        "SELECT after FROM republication WHERE id = $1 FOR UPDATE", republication
    )
    uai: str | None = await connection.fetchval(
        "SELECT min(uai) FROM school WHERE $1::text IS NULL OR uai > $1", after
    )
    return Uai(uai) if uai else None


async def advance(connection: Connection, republication: UUID, done: Uai | None) -> None:
    """Note the school that was done; none: it was the last."""
    await connection.execute(
        """
        UPDATE republication SET after = coalesce($2, after),
            ended_at = CASE WHEN $2::text IS NULL THEN clock_timestamp() END
        WHERE id = $1
        """,
        republication,
        done,
    )


async def raise_versions(connection: Connection, uai: Uai, by: int) -> list[Pupil]:
    """Raise the version of every learner of a school whose base is locked; returns them so.

    The last applied import can be undone as before: the versions that it gave go up as well. A
    raise by more than one comes after a restore: later stays count above it, too.
    """
    rows = await connection.fetch(
        f"""
        WITH last AS (
            SELECT id FROM import_run WHERE uai = $1 AND state = 'applied'
            ORDER BY number DESC LIMIT 1
        ), entries AS (
            UPDATE import_entry e SET version = version + $2 FROM last
            WHERE e.import_id = last.id AND e.version IS NOT NULL
        )
        UPDATE pupil SET version = version + $2,
            stay_floor = CASE WHEN $2 > 1 THEN stay_floor + $2 ELSE stay_floor END
        WHERE uai = $1 RETURNING {COLUMNS}
        """,
        uai,
        by,
    )
    return [Pupil(**row) for row in rows]


async def raise_numbers(connection: Connection, uai: Uai, by: int) -> None:
    """Raise the numbers of the school's imports: those told before a loss may have been higher."""
    await connection.execute(
        """
        WITH numbered AS (
            UPDATE import_run SET number = number + $2 WHERE uai = $1 AND number IS NOT NULL
        ), marked AS (
            UPDATE pupil_transfer t SET after_import = after_import + $2
            FROM pupil p WHERE p.id = t.pupil_id AND p.uai = $1
        ), merges AS (
            UPDATE merge SET after_import = after_import + $2 WHERE uai = $1
        )
        UPDATE school SET imports = imports + $2 WHERE uai = $1 AND imports > 0
        """,
        uai,
        by,
    )


async def undone_merges(connection: Connection, uai: Uai) -> dict[UUID, UUID]:
    """Who was merged in a school and is himself again, and whom he went on as."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (m.merged) m.merged, m.survivor
        FROM merge m JOIN pupil p ON p.id = m.merged
        WHERE m.uai = $1 AND m.undone_at IS NOT NULL AND p.merged_into IS NULL
        ORDER BY m.merged, m.id DESC
        """,
        uai,
    )
    return {row["merged"]: row["survivor"] for row in rows}


Told = tuple[Uai, int, dt.datetime]
"""Of a school: the number and the HORODATAGE of its import that was told last."""


async def without_their_import(connection: Connection, told: Sequence[Told]) -> set[str]:
    """The schools whose base does not follow the import that was told last."""
    rows = await connection.fetch(
        """
        SELECT t.uai FROM unnest($1::text[], $2::int[], $3::timestamptz[])
            AS t (uai, number, horodatage)
        LEFT JOIN school s USING (uai)
        WHERE coalesce(s.imports, 0) < t.number OR s.horodatage IS NULL
            OR s.horodatage < t.horodatage
        """,
        [uai for uai, _, _ in told],
        [number for _, number, _ in told],
        [horodatage for _, _, horodatage in told],
    )
    return {row["uai"] for row in rows}


async def raise_to(connection: Connection, told: Sequence[Told]) -> None:
    """Have the imports of these schools count on from the numbers that were told."""
    await connection.execute(
        """
        INSERT INTO school (uai, imports) SELECT * FROM unnest($1::text[], $2::int[])
        ON CONFLICT (uai) DO UPDATE SET imports = EXCLUDED.imports
        WHERE school.imports < EXCLUDED.imports
        """,
        [uai for uai, _, _ in told],
        [number for _, number, _ in told],
    )


async def pupils_of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Pupil]:
    """These learners, whatever their schools."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM pupil WHERE id = ANY($1::uuid[])", sorted(ids)
    )
    return {row["id"]: Pupil(**row) for row in rows}


async def imported_since(connection: Connection, uai: Uai) -> bool:
    """Whether a school has applied an import since its base was told anew after a restore."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM import_run WHERE uai = $1 AND state = 'applied'
            AND id > (SELECT id FROM republication WHERE restored ORDER BY id DESC LIMIT 1))
        """,
        uai,
    )
    return found
