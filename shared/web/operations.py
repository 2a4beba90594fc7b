"""What operations and other services ask of any service: its parked events about a subject."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from shared.messaging import parked
from shared.rights import Action
from shared.security import may_as_service
from shared.web.app import RequestDatabase

router = APIRouter(prefix="/operations", tags=["exploitation"])


class Subjects(BaseModel, extra="forbid"):
    """The ids that an event may be about: of learners, of transfers; or a UAI."""

    subjects: Annotated[
        list[Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{8,36}$")]],
        Field(max_length=500),
    ]


class Parked(BaseModel):
    """An event that could not be handled; without a `next_try` it waits for a person."""

    event_id: UUID
    error: str
    attempts: int
    next_try: dt.datetime | None


@router.post("/parked/search", dependencies=[Depends(may_as_service(Action.READ_PARKED))])
async def search_parked(asked: Subjects, database: RequestDatabase) -> list[Parked]:
    """The parked events that name one of these subjects, oldest first; never what they hold."""
    async with database.connection() as connection:
        rows = await parked.about(connection, asked.subjects)
    return [Parked(**dict(row)) for row in rows]
