"""One learner: the family's opposition, and all that this service holds of him."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.transfer import acting
from services.transfer.api.transfers import Transfer, shown
from services.transfer.domain import errors
from services.transfer.store import lists, people
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may, may_as_service
from shared.web.app import RequestDatabase

AT_ONCE = 1_000

router = APIRouter(tags=["transferts"])


class Opposition(BaseModel):
    """Since when the family of a learner objects to automatic moves, if it does."""

    since: dt.datetime | None


class Pupils(BaseModel, extra="forbid"):
    """Learners by their ids."""

    pupils: Annotated[list[UUID], Field(max_length=AT_ONCE)]


class UnderWay(BaseModel):
    """Those of them who are offered, or whose dossier is on its way."""

    under_way: list[UUID]


class Held(BaseModel):
    """All that this service holds of a learner: no name, no INE; match keys are only counted."""

    presence: dict[str, Any]
    transfers: list[Transfer]
    acts: list[dict[str, Any]]


@router.get(
    "/schools/{uai}/pupils/{pupil_id}/opposition",
    dependencies=[Depends(may(Action.SEE_TRANSFERS))],
)
async def read_opposition(uai: Uai, pupil_id: UUID, database: RequestDatabase) -> Opposition:
    """Whether an opposition is recorded for a learner of the school."""
    async with database.connection() as connection:
        if await lists.everything_about(connection, uai, pupil_id) is None:
            raise errors.UnknownLearnerError
        cards = await people.cards_of(connection, pupil_id)
        return Opposition(since=await people.opposed_since(connection, cards))


@router.put("/schools/{uai}/pupils/{pupil_id}/opposition", status_code=204)
async def oppose(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Record that the family objects: nothing of this learner moves by itself any more."""
    async with database.transaction() as transaction:
        await acting.oppose(transaction, uai, pupil_id, caller.sub, lifted=False)


@router.delete("/schools/{uai}/pupils/{pupil_id}/opposition", status_code=204)
async def lift_opposition(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Record that the family no longer objects: what waited for that moves now."""
    async with database.transaction() as transaction:
        await acting.oppose(transaction, uai, pupil_id, caller.sub, lifted=True)


@router.get(
    "/schools/{uai}/pupils/{pupil_id}/transfers",
    dependencies=[Depends(may(Action.SEE_TRANSFERS))],
)
async def list_transfers_about(
    uai: Uai, pupil_id: UUID, database: RequestDatabase
) -> list[Transfer]:
    """The transfers from and to the school that are about one of its learners, newest first."""
    async with database.connection() as connection:
        if await lists.everything_about(connection, uai, pupil_id) is None:
            raise errors.UnknownLearnerError
        cards = await people.cards_of(connection, pupil_id)
        return await shown(connection, uai, await lists.transfers_about(connection, cards))


@router.get(
    "/schools/{uai}/pupils/{pupil_id}/export", dependencies=[Depends(may(Action.HANDLE_DATA))]
)
async def export(uai: Uai, pupil_id: UUID, database: RequestDatabase) -> Held:
    """What is held of a learner of the school, for a request about one's own data."""
    async with database.connection() as connection:
        presence = await lists.everything_about(connection, uai, pupil_id)
        if presence is None:
            raise errors.UnknownLearnerError
        cards = await people.cards_of(connection, pupil_id)
        opposed = await people.opposed_since(connection, cards)
        acts = await people.acts_about(connection, None, cards)
        told = await shown(connection, uai, await lists.transfers_about(connection, cards))
    own = [dict(act) for act in acts if act["uai"] == uai]
    return Held(presence=dict(presence) | {"opposed_since": opposed}, transfers=told, acts=own)


@router.post("/transfers/under-way", dependencies=[Depends(may_as_service(Action.READ_UNDER_WAY))])
async def read_under_way(asked: Pupils, database: RequestDatabase) -> UnderWay:
    """Whom `siecle_import` may not forget just now."""
    async with database.connection() as connection:
        return UnderWay(under_way=await lists.under_way(connection, asked.pupils))
