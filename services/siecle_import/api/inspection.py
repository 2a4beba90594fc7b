"""What inspectors may know of learners: asked by `inspector_access` alone, for one diploma of one
school (docs/inspectors.md). No INE and no birth date: he looks at work, not at identities.
"""

from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.siecle_import.api.pupils import PAGE
from services.siecle_import.domain.editing import UnknownPupilError
from services.siecle_import.store import inspection as store
from services.siecle_import.store.pupils import UnknownCursorError
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may
from shared.signing import Inspection, inspection
from shared.web.app import RequestDatabase

router = APIRouter(tags=["inspection"])

Read = Annotated[Inspection, Depends(inspection)]


class InspectedLearner(BaseModel):
    """A learner, as an inspector needs to know him."""

    id: UUID
    family_name: str
    usage_name: str | None
    first_name: str
    division: str | None
    mef: str
    active: bool


class InspectedPage(BaseModel):
    """Learners by name; `next` is the cursor of the page that follows, if any."""

    learners: list[InspectedLearner]
    next: UUID | None


class Wanted(BaseModel, extra="forbid"):
    """Which learners: those who are there, or those who have left; behind whom the page begins."""

    active: bool = True
    after: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE


class MefCount(BaseModel):
    """How many active learners follow a course; `mef` is null for those without one."""

    mef: str | None
    learners: int


@router.post("/inspection/learners")
async def list_inspected(wanted: Wanted, read: Read, database: RequestDatabase) -> InspectedPage:
    """The learners of the school who follow a course of the diploma."""
    async with database.connection() as connection:
        rows = await store.learners(connection, read.uai, read.mefs, **wanted.model_dump())
        after = wanted.after
        if not rows and after and not await store.is_of_school(connection, read.uai, after):
            raise UnknownCursorError
    found = [_learner(row) for row in rows]
    return InspectedPage(learners=found, next=found[-1].id if len(found) == wanted.limit else None)


@router.get("/inspection/learners/{pupil_id}")
async def read_inspected(pupil_id: UUID, read: Read, database: RequestDatabase) -> InspectedLearner:
    """One of them."""
    async with database.connection() as connection:
        row = await store.learner(connection, read.uai, read.mefs, pupil_id)
    if row is None:
        raise UnknownPupilError
    return _learner(row)


def _learner(row: Record) -> InspectedLearner:
    return InspectedLearner.model_validate(dict(row))


@router.get("/schools/{uai}/mefs", dependencies=[Depends(may(Action.READ_MEFS))])
async def count_mefs(uai: Uai, database: RequestDatabase) -> list[MefCount]:
    """The courses of the school's active learners, with how many follow each."""
    async with database.connection() as connection:
        rows = await store.count_by_mef(connection, uai)
    return [MefCount.model_validate(dict(row)) for row in rows]
