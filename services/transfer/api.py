"""HTTP of `transfer`: the school's switch, and the transfers that concern it."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from services.transfer import store
from services.transfer.handlers import decide
from shared.identifiers import Uai
from shared.security import Action, Principal, may
from shared.web.app import RequestDatabase
from shared.web.preconditions import CHANGED_MEANWHILE, expected_version, set_etag
from shared.web.problems import ProblemError

PAGE = 50

router = APIRouter(prefix="/schools/{uai}", tags=["transferts"])


class Switch(BaseModel, extra="forbid"):
    """The position wanted for the switch."""

    active: bool


class Participation(BaseModel):
    """Whether the school takes part in transfers, and since when."""

    active: bool
    since: dt.datetime | None


class Transfer(BaseModel):
    """A transfer from or to the school; the learner is known by the school's own id of him."""

    id: UUID
    direction: Literal["sent", "received"]
    state: Literal["requested", "closed", "cancelled"]
    pupil_id: UUID
    other_uai: str
    names_differ: bool
    requested_at: dt.datetime
    answered_at: dt.datetime | None
    counts: dict[str, int] | None


class TransferPage(BaseModel):
    """Transfers, newest first; `next` is the cursor of the page that follows, if any."""

    transfers: list[Transfer]
    next: UUID | None


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
        answer, version = _participation(await store.participation(connection, uai))
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
        await store.single_file(transaction.connection)
        row = await store.switch(
            transaction.connection, uai, version, caller.sub, active=wanted.active
        )
        if row is None:
            raise ProblemError(CHANGED_MEANWHILE)
        await decide(transaction, await store.keys_of_schools(transaction.connection, [uai]))
    answer, new_version = _participation(row)
    set_etag(response, new_version)
    return answer


@router.get("/transfers", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def list_transfers(
    uai: Uai,
    database: RequestDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> TransferPage:
    """The transfers from and to the school."""
    async with database.connection() as connection:
        rows = await store.transfers_of(connection, uai, before, limit)
    transfers = [_transfer(row, uai) for row in rows]
    return TransferPage(
        transfers=transfers, next=transfers[-1].id if len(transfers) == limit else None
    )


def _transfer(row: Record, uai: Uai) -> Transfer:
    sent = row["origin_uai"] == uai
    return Transfer(
        id=row["id"],
        direction="sent" if sent else "received",
        state=row["state"],
        pupil_id=row["origin_pupil"] if sent else row["destination_pupil"],
        other_uai=row["destination_uai"] if sent else row["origin_uai"],
        names_differ=row["names_differ"],
        requested_at=row["requested_at"],
        answered_at=row["answered_at"],
        counts=row["counts"],
    )
