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


class DecidedPage(BaseModel):
    """Decisions in their order; `next` is the cursor of the page that follows."""

    rows: list[Decided]
    next: UUID | None


@router.get("/moves")
async def list_decided(
    database: RequestDatabase,
    since: dt.datetime,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> DecidedPage:
    """The decisions about transfers since a moment."""
    async with database.connection() as connection:
        rows = await restores.decided(connection, since, after, limit)
    return DecidedPage(
        rows=[Decided.model_validate(dict(row)) for row in rows],
        next=rows[-1]["id"] if len(rows) == limit else None,
    )
