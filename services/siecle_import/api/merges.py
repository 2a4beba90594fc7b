"""Learners of a school who were entered twice: see what merging them would do, do it, undo it."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from services.siecle_import import acts
from services.siecle_import.domain import merging
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import field_by_field
from services.siecle_import.store import merges as store
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem

PAGE = 50

router = APIRouter(prefix="/schools/{uai}/merges", tags=["fusions"])

PROBLEMS = {
    merging.NotMergeableError: Problem(
        409,
        "fusion-impossible",
        "Fusion impossible",
        "Choisissez deux fiches différentes, dont aucune n'est déjà fusionnée ; si une seule est "
        "active, c'est elle qui doit rester.",
    ),
    merging.NotReversibleError: Problem(
        409,
        "fusion-definitive",
        "Fusion définitive",
        "Cette fusion ne peut plus être défaite : elle l'a déjà été, elle a plus de 30 jours, ou "
        "l'une des fiches a été fusionnée ou effacée depuis.",
    ),
    acts.UnknownMergeError: Problem(
        404,
        "fusion-inconnue",
        "Fusion inconnue",
        "Cet établissement n'a pas cette fusion. Ouvrez la liste de ses fusions.",
    ),
}


class Pair(BaseModel, extra="forbid"):
    """Two learners: the one who stays, and the one who goes on as him."""

    survivor: UUID
    merged: UUID


class Wanted(Pair):
    """A merge, with its reason."""

    reason: merging.MergeReason


class Difference(BaseModel):
    """A field in which two cards differ."""

    field: str
    label: str
    survivor: str | None
    merged: str | None


class MergePreview(BaseModel):
    """What staff look at first: where the cards differ, and the INE that the one who stays gets."""

    differences: list[Difference]
    inherited: list[str]


class Merge(BaseModel):
    """A merge of two learners, by whom and why; it can be undone until `reversible_until`. Who was
    erased since has no name.
    """

    id: UUID
    survivor: UUID
    merged: UUID
    survivor_name: str | None
    merged_name: str | None
    reason: str
    merged_by: str
    merged_at: dt.datetime
    reversible_until: dt.datetime
    undone_by: str | None
    undone_at: dt.datetime | None


class MergePage(BaseModel):
    """Merges, newest first; `next` is the cursor of the page that follows, if any."""

    merges: list[Merge]
    next: UUID | None


@router.post("/preview", dependencies=[Depends(may(Action.DECIDE))])
async def preview_merge(
    uai: Uai, pair: Pair, database: RequestDatabase, clock: RequestClock
) -> MergePreview:
    """What a merge would do; nothing changes."""
    async with database.connection() as connection:
        survivor, other = await acts.both(connection, uai, pair.survivor, pair.merged)
    done = merging.merge(survivor, other, clock.now())
    gained = field_by_field(survivor, done.survivor.after)
    return MergePreview(
        differences=[
            Difference(
                field=one["field"], label=one["label"], survivor=one["old"], merged=one["new"]
            )
            for one in field_by_field(survivor, other)
        ],
        inherited=[one["new"] for one in gained if one["new"]],
    )


@router.post("", status_code=201)
async def merge(
    uai: Uai,
    wanted: Wanted,
    caller: Annotated[Principal, Depends(may(Action.DECIDE))],
    key: Annotated[str, Depends(creation_key)],
    runtime: RequestRuntime,
) -> Merge:
    """Merge two learners: their records are joined, one id goes on. Reversible for 30 days."""
    merge_id, keys = uuid7(), KeyMaker.from_settings(runtime.settings)
    content = uai.encode() + wanted.model_dump_json().encode()
    async with runtime.database.transaction() as transaction:
        connection = transaction.connection
        before = await made_before(connection, caller.sub, key, content, merge_id)
        if before is None:
            pair = wanted.survivor, wanted.merged
            now = runtime.clock.now()
            await acts.merge(
                transaction, merge_id, uai, pair, wanted.reason, keys, by=caller.sub, now=now
            )
        return _merge(await store.merge(connection, uai, before or merge_id))


def _merge(row: Record | None) -> Merge:
    if row is None:
        raise acts.UnknownMergeError
    return Merge.model_validate({**row, "reversible_until": row["merged_at"] + merging.REVERSIBLE})


@router.get("", dependencies=[Depends(may(Action.DECIDE))])
async def list_merges(
    uai: Uai,
    database: RequestDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> MergePage:
    """The merges of the school."""
    async with database.connection() as connection:
        rows = await store.merges_of(connection, uai, before, limit)
    found = [_merge(row) for row in rows]
    return MergePage(merges=found, next=found[-1].id if len(found) == limit else None)


@router.post("/{merge_id}/undo")
async def undo_merge(
    uai: Uai,
    merge_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.DECIDE))],
    runtime: RequestRuntime,
) -> Merge:
    """Make both learners themselves again, each with his records."""
    keys, now = KeyMaker.from_settings(runtime.settings), runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        await acts.undo_merge(transaction, uai, merge_id, keys, by=caller.sub, now=now)
        return _merge(await store.merge(transaction.connection, uai, merge_id))
