"""The school's switch « Transferts » and its history."""

import datetime as dt
from typing import Annotated

from asyncpg import Record
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from services.transfer import acting
from services.transfer.store import schools
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestDatabase
from shared.web.preconditions import expected_version, set_etag

router = APIRouter(prefix="/schools/{uai}", tags=["transferts"])


class Switch(BaseModel, extra="forbid"):
    """The position wanted for the switch."""

    active: bool


class Participation(BaseModel):
    """Whether the school takes part in transfers, and since when."""

    active: bool
    since: dt.datetime | None


class Change(BaseModel):
    """One time that the switch was set."""

    active: bool
    changed_by: str
    changed_at: dt.datetime


def _participation(row: Record | None) -> tuple[Participation, int]:
    if row is None:
        return Participation(active=False, since=None), 0
    return Participation(active=row["active"], since=row["changed_at"]), row["version"]


@router.get("/participation", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def read_participation(
    uai: Uai, database: RequestDatabase, response: Response
) -> Participation:
    """The school's switch; it is off until someone sets it."""
    async with database.connection() as connection:
        answer, version = _participation(await schools.participation(connection, uai))
    set_etag(response, version)
    return answer


@router.put("/participation")
async def switch_participation(
    uai: Uai,
    wanted: Switch,
    caller: Annotated[Principal, Depends(may(Action.SWITCH_TRANSFERS))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    response: Response,
) -> Participation:
    """Set the switch. What waited for it moves at once; requests under way are taken back."""
    async with database.transaction() as transaction:
        row = await acting.switch(transaction, uai, version, caller.sub, active=wanted.active)
    answer, new_version = _participation(row)
    set_etag(response, new_version)
    return answer


@router.get("/participation/history", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def read_history(uai: Uai, database: RequestDatabase) -> list[Change]:
    """Each time that the switch was set, newest first."""
    async with database.connection() as connection:
        rows = await schools.history(connection, uai)
    return [Change.model_validate(dict(row)) for row in rows]
