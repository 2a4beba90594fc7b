"""What this service has moved, for a `transfer` whose base was restored to an earlier moment."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.dossier.store import restores
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may_as_service
from shared.web.app import RequestDatabase

PAGE = 1_000

router = APIRouter(
    prefix="/restores",
    tags=["exploitation"],
    dependencies=[Depends(may_as_service(Action.CATCH_UP))],
)


class Decided(BaseModel):
    """The decision about one transfer; a withdrawal may name no learners."""

    id: UUID
    outcome: str
    origin_uai: Uai | None
    origin_pupil: UUID | None
    origin_stay: int | None
    destination_uai: Uai | None
    destination_pupil: UUID | None
    reverses: UUID | None
    counts: dict[str, int]
    part: int
    left_behind: list[UUID]
    decided_at: dt.datetime


class Next(BaseModel):
    """What to ask for the page that follows: the last row may be gone by then."""

    since: dt.datetime
    after: UUID


class DecidedPage(BaseModel):
    """Decisions in their order; `next` says what is to be asked for the page that follows."""

    rows: list[Decided]
    next: Next | None


@router.get("/moves")
async def list_decided(
    database: RequestDatabase,
    since: dt.datetime,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> DecidedPage:
    """The decisions about transfers since a moment; of that moment, those above the id `after`."""
    async with database.connection() as connection:
        rows = await restores.decided(connection, since, after, limit)
    found = [Decided.model_validate(dict(row)) for row in rows]
    last = found[-1] if len(found) == limit else None
    return DecidedPage(rows=found, next=last and Next(since=last.decided_at, after=last.id))
