"""SQL: who can hold records, who goes on as whom, and whom to forget."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from services.dossier.domain import Learner, Step
from shared.database import Connection
from shared.events import PupilEvent, PupilMerged
from shared.identifiers import Uai


async def keep_learners(connection: Connection, pupils: Sequence[PupilEvent]) -> None:
    """Keep the learners that are newer than what is held, in id order; `pupils` holds each once.

    A learner whose next stay has begun keeps his records here from now on. (A late event of the
    stay after which they moved changes nothing of that.)
    """
    await connection.execute(
        """
        INSERT INTO learner (pupil_id, uai, version, stay, active, mef)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::bool[], $6::text[])
            AS p (pupil_id)
        WHERE NOT EXISTS (SELECT FROM erased e WHERE e.pupil_id = p.pupil_id)
        ON CONFLICT (pupil_id) DO UPDATE SET
            uai = EXCLUDED.uai, version = EXCLUDED.version, stay = EXCLUDED.stay,
            active = EXCLUDED.active, mef = EXCLUDED.mef,
            moved_to = CASE WHEN EXCLUDED.stay <= learner.moved_stay THEN learner.moved_to END
        WHERE learner.version < EXCLUDED.version
        """,
        [p.pupil_id for p in pupils],
        [p.uai for p in pupils],
        [p.version for p in pupils],
        [p.stay for p in pupils],
        [p.active for p in pupils],
        [p.mef for p in pupils],
    )


async def lock_learners(
    connection: Connection, sides: Mapping[UUID, Uai], others: Collection[UUID]
) -> None:
    """Lock learners, in id order, against writers and other moves.

    A side of a transfer that is not held yet is entered from the request, at version 0.
    """
    new = sorted(sides)
    await connection.execute(
        """
        INSERT INTO learner (pupil_id, uai, version, stay, active)
        SELECT s.pupil_id, s.uai, 0, 0, true
        FROM unnest($1::uuid[], $2::text[]) AS s (pupil_id, uai)
        WHERE NOT EXISTS (SELECT FROM erased e WHERE e.pupil_id = s.pupil_id)
        ON CONFLICT DO NOTHING
        """,
        new,
        [sides[pupil_id] for pupil_id in new],
    )
    await connection.execute(
        "SELECT FROM learner WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR UPDATE",
        sorted({*sides, *others}),
    )


_SURVIVOR = """
WITH RECURSIVE chain (asked, pupil_id) AS (
    SELECT id, id FROM unnest($1::uuid[]) AS a (id)
    UNION
    SELECT chain.asked, l.merged_into FROM chain JOIN learner l USING (pupil_id)
    WHERE l.merged_into IS NOT NULL
)
SELECT chain.asked, l.pupil_id, l.uai, l.moved_to FROM chain JOIN learner l USING (pupil_id)
WHERE l.merged_into IS NULL
"""


async def learner(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, to read."""
    row = await connection.fetchrow(_SURVIVOR, [pupil_id])
    return Learner(row["pupil_id"], Uai(row["uai"]), row["moved_to"]) if row else None


async def way_of(connection: Connection, pupil_id: UUID) -> list[Step]:
    """The way of a learner's records: from himself to whoever holds them now, merges and moves
    followed. Empty if he is not known.
    """
    rows = await connection.fetch(
        """
        WITH RECURSIVE way (place, pupil_id) AS (
            SELECT 0, $1::uuid
            UNION ALL
            SELECT place + 1, coalesce(l.merged_into, l.moved_to) FROM way
            JOIN learner l USING (pupil_id)
            WHERE coalesce(l.merged_into, l.moved_to) IS NOT NULL
        ) CYCLE pupil_id SET again USING trail
        SELECT pupil_id, uai, merged_into, CASE WHEN merged_into IS NULL AND moved_to IS NOT NULL
            THEN moved_by END AS moved_by
        FROM way JOIN learner USING (pupil_id) WHERE NOT again ORDER BY place
        """,
        pupil_id,
    )
    return [
        Step(
            row["pupil_id"], Uai(row["uai"]), row["moved_by"], merged=row["merged_into"] is not None
        )
        for row in rows
    ]


async def way_for_writing(connection: Connection, pupil_id: UUID) -> list[Step]:
    """The same, all of it locked so that no move passes until this transaction ends."""
    locked, way = None, await way_of(connection, pupil_id)
    while way != locked:  # someone may have moved or been merged meanwhile
        locked = way
        await connection.execute(
            "SELECT FROM learner WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR SHARE",
            sorted(step.pupil_id for step in way),
        )
        way = await way_of(connection, pupil_id)
    return way


async def goes_on_as(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, UUID]:
    """Whom each of these learners goes on as: himself, unless he was merged."""
    rows = await connection.fetch(_SURVIVOR, sorted(pupils))
    return {row["asked"]: row["pupil_id"] for row in rows}


async def keep_merges(connection: Connection, merges: Sequence[PupilMerged]) -> None:
    """Note who goes on as whom, or is himself again; `merges` holds each learner once, and what is
    older than the newest merge of a learner changes nothing.
    """
    await connection.execute(
        """
        UPDATE learner l SET merged_into = m.survivor, merge_version = m.version
        FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS m (pupil_id, survivor, version)
        WHERE l.pupil_id = m.pupil_id AND l.merge_version < m.version
        """,
        [m.merged_id for m in merges],
        [None if m.undone else m.surviving_id for m in merges],
        [m.merged_version for m in merges],
    )


async def erase(connection: Connection, pupils: Sequence[UUID]) -> None:
    """Forget learners with their records, for ever."""
    await connection.execute(
        "INSERT INTO erased (pupil_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", pupils
    )
    await connection.execute("DELETE FROM record WHERE pupil_id = ANY($1::uuid[])", pupils)
    await connection.execute("DELETE FROM learner WHERE pupil_id = ANY($1::uuid[])", pupils)
