"""What inspectors may read of records: asked by `inspector_access` alone, for one diploma of one
school (docs/inspectors.md).

Only learners who follow one of the diploma's courses in that school, and only what was written
there; what came from elsewhere is counted. Each look is noted, as those of staff are.
"""

import datetime as dt
from collections import defaultdict
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record as Row
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from services.dossier import domain
from services.dossier.api.records import PAGE
from services.dossier.store import inspection as store
from services.dossier.store import looks
from shared.database import Connection
from shared.signing import Inspection, inspection
from shared.web.app import RequestDatabase

router = APIRouter(prefix="/inspection", tags=["inspection"])

Read = Annotated[Inspection, Depends(inspection)]


class Asked(BaseModel, extra="forbid"):
    """Learners whose records are counted; what was written or changed `since` is new."""

    pupils: Annotated[list[UUID], Field(min_length=1, max_length=PAGE)]
    since: AwareDatetime | None = None


class Counts(BaseModel):
    """The records of a learner: those written in the school by kind, how many of them are new, and
    how many were received.
    """

    pupil_id: UUID
    written: dict[str, int]
    new: int
    received: int


class InspectedRecord(BaseModel):
    """A record written in the school, without its body."""

    id: UUID
    kind: domain.Kind
    title: str
    diploma: str | None
    author: str
    written_on: dt.date
    created_at: dt.datetime
    updated_at: dt.datetime


class InspectedPage(BaseModel):
    """Records of a learner; `received` counts those that are not shown."""

    records: list[InspectedRecord]
    received: int
    next: UUID | None


class WholeRecord(InspectedRecord):
    """A record with its body."""

    body: dict[str, Any]


@router.post("/counts")
async def count_inspected(asked: Asked, read: Read, database: RequestDatabase) -> list[Counts]:
    """The records of learners in figures; who does not follow the diploma here is left out."""
    async with database.connection() as connection:
        holders = await store.of_courses(connection, read.uai, read.mefs, asked.pupils)
        rows = await store.counts(connection, read.uai, holders, asked.since)
    by_holder: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        by_holder[row["pupil_id"]].append(row)
    return [_counts(holder, by_holder[holder]) for holder in holders]


def _counts(holder: UUID, rows: list[Row]) -> Counts:
    here = [row for row in rows if row["here"]]
    return Counts(
        pupil_id=holder,
        written={row["kind"]: row["number"] for row in here},
        new=sum(row["new"] for row in here),
        received=sum(row["number"] for row in rows if not row["here"]),
    )


@router.get("/learners/{pupil_id}/records")
async def list_inspected(
    pupil_id: UUID,
    read: Read,
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> InspectedPage:
    """The records of a learner that were written in the school."""
    async with database.connection() as connection:
        holder = await _holder(connection, read, pupil_id)
        rows = await store.written_here(connection, read.uai, holder, after, limit)
        received = await store.received(connection, read.uai, holder)
        await looks.note(connection, read.uai, read.viewer, looks.What.LIST, [holder])
    found = [InspectedRecord.model_validate(dict(row)) for row in rows]
    following = found[-1].id if len(found) == limit else None
    return InspectedPage(records=found, received=received, next=following)


@router.get("/learners/{pupil_id}/records/{record_id}")
async def read_inspected(
    pupil_id: UUID, record_id: UUID, read: Read, database: RequestDatabase
) -> WholeRecord:
    """One of them, with its body."""
    async with database.connection() as connection:
        holder = await _holder(connection, read, pupil_id)
        row = await store.one(connection, read.uai, holder, record_id)
        if row is None:
            raise domain.UnknownRecordError
        await looks.note(connection, read.uai, read.viewer, looks.What.RECORD, [holder])
    return WholeRecord.model_validate(dict(row))


async def _holder(connection: Connection, read: Inspection, pupil_id: UUID) -> UUID:
    """The learner, who follows the diploma in the school."""
    found = await store.of_courses(connection, read.uai, read.mefs, [pupil_id])
    if not found:
        raise domain.UnknownLearnerError
    return found[0]
