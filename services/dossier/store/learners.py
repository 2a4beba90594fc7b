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
        WHERE NOT EXISTS (SELECT FROM erased WHERE pupil_id = p.pupil_id OFFSET 0)
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


async def enter_learners(connection: Connection, sides: Mapping[UUID, Uai]) -> None:
    """Enter those whom a transfer or a merge names and who are not held yet, at version 0."""
    new = sorted(sides)
    await connection.execute(
        """
        INSERT INTO learner (pupil_id, uai, version, stay, active)
        SELECT s.pupil_id, s.uai, 0, 0, true
        FROM unnest($1::uuid[], $2::text[]) AS s (pupil_id, uai)
        WHERE NOT EXISTS (SELECT FROM erased WHERE pupil_id = s.pupil_id OFFSET 0)
        ON CONFLICT DO NOTHING
        """,
        new,
        [sides[pupil_id] for pupil_id in new],
    )


async def lock_ways(
    connection: Connection, pupils: Collection[UUID], others: Collection[UUID]
) -> None:
    """Lock learners, in id order, against writers and other moves: all on the ways of the records
    of `pupils`, and `others`.
    """
    locked: set[UUID] | None = None
    wanted = await _on_the_ways(connection, pupils)
    while wanted != locked:  # someone may have moved or been merged meanwhile
        locked = wanted
        await connection.execute(
            "SELECT FROM learner WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR UPDATE",
            sorted({*wanted, *others}),
        )
        wanted = await _on_the_ways(connection, pupils)


async def _on_the_ways(connection: Connection, pupils: Collection[UUID]) -> set[UUID]:
    ways = await ways_of(connection, pupils) if pupils else {}
    return {step.pupil_id for way in ways.values() for step in way}


_SURVIVOR = """
WITH RECURSIVE chain (asked, pupil_id) AS (
    SELECT id, id FROM unnest($1::uuid[]) AS a (id)
    UNION
    SELECT chain.asked, l.merged_into FROM chain
    CROSS JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = chain.pupil_id OFFSET 0) l
    WHERE l.merged_into IS NOT NULL
)
SELECT chain.asked, l.pupil_id, l.uai, l.moved_to FROM chain
CROSS JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = chain.pupil_id OFFSET 0) l
WHERE l.merged_into IS NULL
"""


async def learner(connection: Connection, pupil_id: UUID) -> Learner | None:
    """The learner, or whom he goes on as, to read."""
    row = await connection.fetchrow(_SURVIVOR, [pupil_id])
    return Learner(row["pupil_id"], Uai(row["uai"]), row["moved_to"]) if row else None


_WAY = """
WITH RECURSIVE way (asked, place, pupil_id) AS (
    SELECT id, 0, id FROM unnest($1::uuid[]) AS a (id)
    UNION ALL
    SELECT asked, place + 1, coalesce(l.merged_into, l.moved_to) FROM way
    CROSS JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = way.pupil_id OFFSET 0) l
    WHERE coalesce(l.merged_into, l.moved_to) IS NOT NULL
) CYCLE pupil_id SET again USING trail
"""
# A look-up for each step (OFFSET 0, see ADR 35): the planner takes ways for ten times as long as
# they are, and would read all learners instead.


async def ways_of(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, list[Step]]:
    """The way of each learner's records: from himself to whoever holds them now, merges and moves
    followed. Who is not known is left out.
    """
    rows = await connection.fetch(
        f"""
        {_WAY} SELECT asked, l.pupil_id, uai, merged_into,
            CASE WHEN merged_into IS NULL AND moved_to IS NOT NULL THEN moved_by END AS moved_by
        FROM way
        CROSS JOIN LATERAL (SELECT * FROM learner WHERE pupil_id = way.pupil_id OFFSET 0) l
        WHERE NOT again ORDER BY place
        """,
        sorted(pupils),
    )
    ways: dict[UUID, list[Step]] = {}
    for row in rows:
        merged = row["merged_into"] is not None
        step = Step(row["pupil_id"], Uai(row["uai"]), row["moved_by"], merged=merged)
        ways.setdefault(row["asked"], []).append(step)
    return ways


async def end_loops(connection: Connection, pupils: Collection[UUID]) -> None:
    """Let those of these learners hold their records again to whom their way leads back: since
    they left, the records have come to someone who is now merged into them.
    """
    await connection.execute(
        f"""
        {_WAY} UPDATE learner SET moved_to = NULL
        FROM way WHERE again AND way.pupil_id = asked AND learner.pupil_id = asked
        """,
        sorted(pupils),
    )


async def way_for_writing(connection: Connection, pupil_id: UUID) -> list[Step]:
    """The way of one learner, all of it locked so that no move passes until this transaction ends;
    empty if he is not known.
    """
    locked, way = None, (await ways_of(connection, [pupil_id])).get(pupil_id, [])
    while way != locked:  # someone may have moved or been merged meanwhile
        locked = way
        await connection.execute(
            "SELECT FROM learner WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR SHARE",
            sorted(step.pupil_id for step in way),
        )
        way = (await ways_of(connection, [pupil_id])).get(pupil_id, [])
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
