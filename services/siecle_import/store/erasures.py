"""SQL: who is to be erased, erasing him everywhere, and the trace of it, without identity."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from services.siecle_import.store.pupils import COLUMNS, UnknownCursorError, pupils
from shared.database import Connection
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Limits:
    """Until which moment of deactivation learners are erased: those whom only an undone import had
    created, and all others, these `months` before `now`.
    """

    undone: dt.datetime
    now: dt.datetime
    months: int


# $1, $2 and $3 are the limits.
_INACTIVE = """NOT active AND merged_into IS NULL
    AND since < $2::timestamptz - make_interval(months => $3)"""
_UNDONE = """reason = 'annule' AND NOT active AND since < $1::timestamptz
    AND NOT EXISTS (SELECT FROM pupil_transfer t WHERE t.pupil_id = p.id)
    AND NOT EXISTS (SELECT FROM pupil m WHERE m.merged_into = p.id)"""


async def schools_with_due(connection: Connection, limits: Limits) -> list[Uai]:
    """The schools that have learners to be erased."""
    rows = await connection.fetch(
        f"""
        SELECT uai FROM pupil p WHERE {_INACTIVE}
        UNION SELECT uai FROM pupil p WHERE {_UNDONE}
        ORDER BY uai
        """,
        limits.undone,
        limits.now,
        limits.months,
    )
    return [Uai(row["uai"]) for row in rows]


async def due(connection: Connection, uai: Uai, limits: Limits) -> dict[UUID, bool]:
    """The learners of a school who are to be erased; whether an undone import is why."""
    rows = await connection.fetch(
        f"""
        SELECT id, bool_or(undone) AS undone FROM (
            SELECT id, false AS undone FROM pupil p WHERE uai = $4 AND {_INACTIVE}
            UNION ALL SELECT id, true FROM pupil p WHERE uai = $4 AND {_UNDONE}
        ) AS found GROUP BY id ORDER BY id
        """,
        limits.undone,
        limits.now,
        limits.months,
        uai,
    )
    return {row["id"]: row["undone"] for row in rows}


async def planned(
    connection: Connection,
    uai: Uai,
    until: dt.datetime,
    months: int,
    after: UUID | None,
    limit: int,
) -> list[Record]:
    """The learners (id, names, division, since, and from when: `erased_from`) who are erased until
    that moment, the first to go first, those behind `after`.

    Raises:
        UnknownCursorError
    """
    rows = await connection.fetch(
        """
        SELECT id, family_name, first_name, division, since,
            since + make_interval(months => $3) AS erased_from
        FROM pupil
        WHERE uai = $1 AND NOT active AND merged_into IS NULL
            AND since < $2::timestamptz - make_interval(months => $3)
            AND ($4::uuid IS NULL
                OR (since, id) > (SELECT since, id FROM pupil WHERE id = $4 AND uai = $1))
        ORDER BY since, id LIMIT $5
        """,
        uai,
        until,
        months,
        after,
        limit,
    )
    if after is not None and not rows and not await pupils(connection, uai, [after]):
        raise UnknownCursorError
    return rows


async def events_wait(connection: Connection) -> bool:
    """Whether events are parked here."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM parked)")
    return found


async def with_cards(connection: Connection, ids: Collection[UUID]) -> list[Record]:
    """These learners as the base holds them, and whoever goes on as one of them (all columns)."""
    return await connection.fetch(
        f"""
        WITH RECURSIVE card (id) AS (
            SELECT unnest($1::uuid[])
            UNION
            SELECT p.id FROM pupil p JOIN card ON p.merged_into = card.id
        )
        SELECT {COLUMNS} FROM pupil JOIN card USING (id) ORDER BY id
        """,
        sorted(ids),
    )


async def erase(connection: Connection, uai: Uai, ids: Collection[UUID]) -> list[UUID]:
    """Erase learners of a school whose base is locked, with their other cards and all that imports
    said of them; returns the ids of all, those that were not there too.
    """
    people = await with_cards(connection, ids)
    gone = sorted({*ids, *(row["id"] for row in people)})
    await _blank_entries(connection, uai, gone, people)
    await _forget_findings(connection, uai, _labels(people))
    await connection.execute(
        """
        WITH looks AS (
            DELETE FROM look WHERE pupil_id = ANY($1::uuid[])
        ), transfers AS (
            DELETE FROM pupil_transfer WHERE pupil_id = ANY($1::uuid[])
        ), lost AS (
            DELETE FROM lost_learner WHERE pupil_id = ANY($1::uuid[])
        ), cards AS (
            UPDATE merge SET survivor_before = NULL, merged_before = NULL
            WHERE uai = $2 AND (survivor = ANY($1::uuid[]) OR merged = ANY($1::uuid[]))
        )
        DELETE FROM pupil WHERE id = ANY($1::uuid[]) AND uai = $2
        """,
        gone,
        uai,
    )
    return gone


def _names(people: Sequence[Record]) -> list[str]:
    """These people as lists and messages name them: « BÉCŒUR Noé »."""
    return [
        f"{row[name]} {row['first_name']}"
        for row in people
        for name in ("family_name", "usage_name")
        if row[name]
    ]


def _labels(people: Sequence[Record]) -> list[str]:
    """What a message about these people holds: a name before its bracket, or an INE."""
    return [f"{name} (" for name in _names(people)] + _ines(people)


def _ines(people: Sequence[Record]) -> list[str]:
    return [row[shape] for row in people for shape in ("rnie", "bea", "ina") if row[shape]]


async def _blank_entries(
    connection: Connection, uai: Uai, ids: Sequence[UUID], people: Sequence[Record]
) -> None:
    """Blank the lines about these people in the lists of the school's imports; the lines stay, so
    that counts hold and the last import can still be undone for the others.
    """
    await connection.execute(
        """
        UPDATE import_entry e SET before = NULL, shown = jsonb_build_object(
            'eleve_id', NULL, 'name', NULL, 'ine', NULL, 'division', NULL)
        FROM import_run r
        WHERE r.id = e.import_id AND r.uai = $1 AND (e.pupil_id = ANY($2::uuid[])
            OR e.shown ->> 'eleve_id' = ANY($3::text[]) OR e.shown ->> 'ine' = ANY($4::text[])
            OR (e.pupil_id IS NULL AND e.shown ->> 'name' = ANY($5::text[])))
        """,
        uai,
        ids,
        [row["eleve_id"] for row in people if row["eleve_id"]],
        _ines(people),
        _names(people),
    )


async def _forget_findings(connection: Connection, uai: Uai, labels: Sequence[str]) -> None:
    """Forget the messages about the school's files that hold one of these labels."""
    await connection.execute(
        """
        DELETE FROM import_finding f USING import_run r
        WHERE r.id = f.import_id AND r.uai = $1
            AND EXISTS (SELECT FROM unnest($2::text[]) AS l WHERE strpos(f.message, l) > 0)
        """,
        uai,
        labels,
    )
    await connection.execute(
        """
        UPDATE import_run SET findings = (
            SELECT jsonb_agg(jsonb_set(one, '{messages}', (
                SELECT coalesce(jsonb_agg(m), '[]')
                FROM jsonb_array_elements_text(one -> 'messages') AS m
                WHERE NOT EXISTS (SELECT FROM unnest($2::text[]) AS l WHERE strpos(m, l) > 0)
            ))) FROM jsonb_array_elements(findings) AS one)
        WHERE uai = $1 AND jsonb_typeof(findings) = 'array'
            AND EXISTS (SELECT FROM unnest($2::text[]) AS l WHERE strpos(findings::text, l) > 0)
        """,
        uai,
        labels,
    )


@dataclass(frozen=True, slots=True)
class Erased:
    """The trace of an erasure: of whom (an id), in which school, when, by whom and why."""

    pupil_id: UUID
    uai: Uai
    at: dt.datetime
    by_whom: str
    reason: str


async def keep_trace(connection: Connection, erased: Sequence[Erased]) -> None:
    """Keep traces; the first one of a learner stays."""
    await connection.execute(
        """
        INSERT INTO erasure (pupil_id, uai, at, by_whom, reason)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
        ON CONFLICT DO NOTHING
        """,
        [one.pupil_id for one in erased],
        [one.uai for one in erased],
        [one.at for one in erased],
        [one.by_whom for one in erased],
        [one.reason for one in erased],
    )


async def trace(connection: Connection, after: UUID | None, limit: int) -> list[Erased]:
    """The traces that are kept, by id, those behind `after`."""
    rows = await connection.fetch(
        """
        SELECT pupil_id, uai, at, by_whom, reason FROM erasure
        WHERE $1::uuid IS NULL OR pupil_id > $1 ORDER BY pupil_id LIMIT $2
        """,
        after,
        limit,
    )
    return [Erased(**row) for row in rows]


async def is_erased(connection: Connection, pupil_id: UUID, uai: Uai | None = None) -> bool:
    """Whether a learner (of this school, if one is given) was erased."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM erasure
            WHERE pupil_id = $1 AND ($2::text IS NULL OR uai = $2))
        """,
        pupil_id,
        uai,
    )
    return found


async def known(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these learners who are in the base, or were erased."""
    rows = await connection.fetch(
        """
        SELECT id FROM pupil WHERE id = ANY($1::uuid[])
        UNION SELECT pupil_id FROM erasure WHERE pupil_id = ANY($1::uuid[])
        """,
        sorted(ids),
    )
    return {row["id"] for row in rows}


async def forget_traces(connection: Connection, before: dt.datetime) -> None:
    """Forget traces of erasures before that moment."""
    await connection.execute("DELETE FROM erasure WHERE at < $1", before)
