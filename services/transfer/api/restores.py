"""What this service knows, for another one whose base was restored to an earlier moment."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.transfer.store import restores
from shared.events import Key
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may_as_service
from shared.web.app import RequestDatabase

PAGE = 1_000

Limit = Annotated[int, Query(ge=1, le=PAGE)]

router = APIRouter(
    prefix="/restores",
    tags=["exploitation"],
    dependencies=[Depends(may_as_service(Action.CATCH_UP))],
)


class Answered(BaseModel):
    """A transfer as `dossier` has answered it; `cancelled`: nothing was moved."""

    id: UUID
    state: str
    origin_uai: Uai
    origin_pupil: UUID
    origin_stay: int
    destination_uai: Uai
    destination_pupil: UUID
    reverses: UUID | None
    counts: dict[str, int] | None
    part: int
    answered_at: dt.datetime


class Presence(BaseModel):
    """A learner as he was told last; keys are compared, they name nobody."""

    pupil_id: UUID
    uai: Uai
    version: int
    stay: int
    active: bool
    key_version: int
    ine_keys: list[Key]


class Merge(BaseModel):
    """A learner who goes on as another."""

    pupil_id: UUID
    goes_on_as: UUID
    version: int


class Import(BaseModel):
    """The import of a school that was told last."""

    uai: Uai
    number: int
    horodatage: dt.datetime


class NextAnswers(BaseModel):
    """What to ask for the page that follows: the last row may be gone by then."""

    since: dt.datetime
    after: UUID


class AnsweredPage(BaseModel):
    """Transfers in the order of their answers; `next` is what to ask for the page that follows, as
    in the other pages.
    """

    rows: list[Answered]
    next: NextAnswers | None


class PresencePage(BaseModel):
    """Learners by id."""

    rows: list[Presence]
    next: dict[Literal["after"], UUID] | None


class MergePage(BaseModel):
    """Merges by the id of who was merged."""

    rows: list[Merge]
    next: dict[Literal["after"], UUID] | None


class ImportPage(BaseModel):
    """Imports by school."""

    rows: list[Import]
    next: dict[Literal["after"], Uai] | None


@router.get("/moves")
async def list_answered(
    database: RequestDatabase, since: dt.datetime, after: UUID | None = None, limit: Limit = PAGE
) -> AnsweredPage:
    """The transfers answered since a moment (of that moment, those above the id `after`), for a
    restored `dossier` or `siecle_import`.
    """
    async with database.connection() as connection:
        rows = await restores.answered(connection, since, after, limit)
    return AnsweredPage.model_validate(_page(rows, limit, after="id", since="answered_at"))


@router.get("/pupils")
async def list_presences(
    database: RequestDatabase, after: UUID | None = None, limit: Limit = PAGE
) -> PresencePage:
    """The learners that are held, for a restored `siecle_import`."""
    async with database.connection() as connection:
        rows = await restores.presences(connection, after, limit)
    return PresencePage.model_validate(_page(rows, limit, after="pupil_id"))


@router.get("/merges")
async def list_merges(
    database: RequestDatabase, after: UUID | None = None, limit: Limit = PAGE
) -> MergePage:
    """Who goes on as whom, for a restored `siecle_import`."""
    async with database.connection() as connection:
        rows = await restores.merges(connection, after, limit)
    return MergePage.model_validate(_page(rows, limit, after="pupil_id"))


@router.get("/imports")
async def list_imports(
    database: RequestDatabase, after: Uai | None = None, limit: Limit = PAGE
) -> ImportPage:
    """The imports that were told last, for a restored `siecle_import`."""
    async with database.connection() as connection:
        rows = await restores.imports(connection, after, limit)
    return ImportPage.model_validate(_page(rows, limit, after="uai"))


def _page(rows: list[Any], limit: int, **asked: str) -> dict[str, Any]:
    """A page; `asked` says which column of its last row each parameter of the next one is."""
    found = [dict(row) for row in rows]
    full = len(found) == limit
    return {
        "rows": found,
        "next": {name: found[-1][column] for name, column in asked.items()} if full else None,
    }
