"""SQL: many records at once, which existed before this system."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import UUID

from services.dossier.store.learners import goes_on_as
from services.dossier.store.records import CARDS
from shared.database import Connection


class MergedMeanwhileError(Exception):
    """A learner was merged while he was being locked: begin the transaction anew."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a learner goes on as: his school, and whether his dossier has gone on to another one."""

    pupil_id: UUID
    uai: str
    moved: bool


async def lock_holders(connection: Connection, pupils: Collection[UUID]) -> dict[UUID, Holder]:
    """Whom each of these learners goes on as, locked in id order so that no move passes until the
    transaction ends; those who are unknown are left out.

    Raises:
        MergedMeanwhileError
    """
    survivors = await goes_on_as(connection, pupils)
    rows = await connection.fetch(
        """
        SELECT pupil_id, uai, moved_to IS NOT NULL AS moved, merged_into FROM learner
        WHERE pupil_id = ANY($1::uuid[]) ORDER BY pupil_id FOR SHARE
        """,
        sorted(set(survivors.values())),
    )
    if any(row["merged_into"] is not None for row in rows):
        raise MergedMeanwhileError
    holders = {row["pupil_id"]: Holder(row["pupil_id"], row["uai"], row["moved"]) for row in rows}
    return {asked: holders[to] for asked, to in survivors.items() if to in holders}


async def cards_of(connection: Connection, holders: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The ids that stand for each holder: his own, and those of learners who go on as him."""
    rows = await connection.fetch(
        f"{CARDS} SELECT holder, array_agg(pupil_id) AS cards FROM card GROUP BY holder",
        sorted(holders),
    )
    return {row["holder"]: row["cards"] for row in rows}


async def existing(connection: Connection, records: Collection[UUID]) -> set[UUID]:
    """Those of these records that are there, whoever holds them now."""
    rows = await connection.fetch(
        "SELECT id FROM record WHERE id = ANY($1::uuid[])", sorted(records)
    )
    return {row["id"] for row in rows}


async def add_records(connection: Connection, records: Sequence[dict[str, Any]]) -> int:
    """Write records; returns how many were new. (Another load may write the same just now.)"""
    columns = (
        "id", "pupil_id", "kind", "title", "diploma", "body", "author", "origin_uai", "written_on"
    )  # fmt: skip
    in_order = sorted(records, key=itemgetter("id"))  # two loads wait for each other one way only
    added = await connection.execute(
        """
        INSERT INTO record (id, pupil_id, kind, title, diploma, body, author, origin_uai,
            written_on, created_at, updated_at)
        SELECT *, clock_timestamp(), clock_timestamp()
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
            $7::text[], $8::text[], $9::date[])
        ON CONFLICT (id) DO NOTHING
        """,
        *([record[name] for record in in_order] for name in columns),
    )
    return int(added.rpartition(" ")[2])
