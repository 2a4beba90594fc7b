"""Who has seen a learner's records: for his head, and after a transfer gone wrong for both."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from asyncpg import Record as Row
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from services.dossier.api.held import holder_of
from services.dossier.api.records import PAGE
from services.dossier.store import looks as store
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may
from shared.web.app import RequestDatabase
from shared.web.problems import Problem

BIGGEST = 2**63 - 1
"""Of the numbers that a cursor can be."""

router = APIRouter(
    prefix="/schools/{uai}", tags=["consultations"], dependencies=[Depends(may(Action.HANDLE_DATA))]
)


class UnknownTransferError(Exception):
    """No records have moved from or to this school by this transfer."""


PROBLEMS: dict[type[Exception], Problem] = {
    UnknownTransferError: Problem(
        404,
        "transfert-inconnu",
        "Transfert inconnu",
        "Aucun dossier n'a été transmis ou reçu par cet établissement avec ce transfert.",
    )
}

Cursor = Annotated[int | None, Query(ge=1, le=BIGGEST)]
Limit = Annotated[int, Query(ge=1, le=PAGE)]


class Look(BaseModel):
    """That someone has seen records: when, and what; `viewer` is hidden from another school."""

    id: int
    at: dt.datetime
    what: store.What
    viewer: str | None


class LookPage(BaseModel):
    """Looks; `next` is the cursor of the page that follows, if any."""

    looks: list[Look]
    next: int | None


class ReceivedLooks(LookPage):
    """The looks in the receiving school between `since` and `until`, and by how many persons or
    modules in all.
    """

    since: dt.datetime
    until: dt.datetime
    lookers: int


@router.get("/pupils/{pupil_id}/looks")
async def list_looks(
    uai: Uai,
    pupil_id: UUID,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> LookPage:
    """Who has seen the records of a learner of the school in the last 12 months, newest first."""
    async with database.connection() as connection:
        holder = await holder_of(connection, uai, pupil_id)
        rows = await store.looks_at(connection, holder, before, limit)
    return LookPage(looks=[Look(**dict(row)) for row in rows], next=_next(rows, limit))


def _next(rows: list[Row], limit: int) -> int | None:
    return rows[-1]["id"] if len(rows) == limit else None


@router.get("/transfers/{transfer_id}/looks")
async def list_looks_after_transfer(
    uai: Uai,
    transfer_id: UUID,
    database: RequestDatabase,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    after: Cursor = None,
    limit: Limit = PAGE,
) -> ReceivedLooks:
    """Who has seen the dossier in the receiving school since it came (or since a later moment),
    until the end of an incident, say; oldest first. The sending school is not told who.
    """
    async with database.connection() as connection:
        move = await store.move(connection, transfer_id)
        if move is None or uai not in (move["origin"], move["destination"]):
            raise UnknownTransferError
        begin = max(move["decided_at"], since or move["decided_at"])
        end = until or dt.datetime.now(dt.UTC)
        span = (move["destination_pupil"], begin, end)
        rows = await store.looks_received(connection, *span, after=after, limit=limit)
        lookers = await store.lookers(connection, *span)
    named = uai == move["destination"]
    looks = [Look(**{**row, "viewer": row["viewer"] if named else None}) for row in rows]
    return ReceivedLooks(
        looks=looks, next=_next(rows, limit), since=begin, until=end, lookers=lookers
    )
