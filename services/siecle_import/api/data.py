"""What a person may ask about his own data: who has seen it, what is held, to have it erased; and
whom the service is going to erase.
"""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.siecle_import import erasing, exporting
from services.siecle_import.domain import erasing as domain
from services.siecle_import.domain.editing import UnknownPupilError
from services.siecle_import.store import erasures, looks
from services.siecle_import.store import pupils as store
from services.siecle_import.store.looks import What
from services.siecle_import.transfers import CannotAskError, under_way_by
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import RequestDatabase
from shared.web.preconditions import expected_version
from shared.web.problems import Problem

PAGE = 50
BIGGEST = 2**63 - 1
"""Of the numbers that a cursor can be."""

router = APIRouter(prefix="/schools/{uai}", tags=["données personnelles"])

PROBLEMS: dict[type[Exception], Problem] = {
    domain.StillHereError: Problem(
        409,
        "apprenant-inscrit",
        "Apprenant inscrit",
        "L'apprenant est inscrit dans l'établissement : ses données ne peuvent être effacées "
        "qu'après sa sortie, dans SIECLE puis par un import, ou saisie ici.",
    ),
    domain.UnderWayError: Problem(
        409,
        "transfert-en-cours",
        "Transfert en cours",
        "L'apprenant est proposé à un autre établissement, ou son dossier est en route : retirez "
        "la proposition ou attendez la fin du transfert.",
    ),
    domain.EventsWaitError: Problem(
        503,
        "messages-en-attente",
        "Effacement impossible pour le moment",
        "Des messages sur des transferts n'ont pas pu être traités : réessayez plus tard ; si "
        "l'erreur persiste, prévenez l'assistance.",
    ),
    CannotAskError: Problem(
        503,
        "transferts-injoignables",
        "Effacement impossible pour le moment",
        "Le service des transferts ne répond pas : réessayez dans quelques minutes ; si l'erreur "
        "persiste, prévenez l'assistance.",
    ),
}

_HEAD = Depends(may(Action.HANDLE_DATA))
Limit = Annotated[int, Query(ge=1, le=PAGE)]


class Look(BaseModel):
    """That someone has seen the learner's identity: when, what, through which school; `viewer` is
    hidden if that is another one.
    """

    id: int
    at: dt.datetime
    what: What
    uai: str
    viewer: str | None


class LookPage(BaseModel):
    """Looks, newest first; `next` is the cursor of the page that follows, if any."""

    looks: list[Look]
    next: int | None


class Held(BaseModel):
    """All that this service holds of a learner: his cards (several, if he was entered twice), what
    imports have said and done, merges, closed transfers, and the looks at him.
    """

    cards: list[dict[str, Any]]
    imports: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    looks: list[Look]


class Planned(BaseModel):
    """A learner who is going to be erased, not before `erased_from` (later while a transfer of his
    is under way).
    """

    pupil_id: UUID
    family_name: str
    first_name: str
    division: str | None
    since: dt.datetime
    erased_from: dt.datetime


class PlannedPage(BaseModel):
    """Learners who are going to be erased, the first to go first; `next` is the cursor of the page
    that follows, if any.
    """

    planned: list[Planned]
    next: UUID | None


class Erasure(BaseModel, extra="forbid"):
    """Why a learner is to be erased."""

    reason: domain.OnRequest


@router.get("/pupils/{pupil_id}/looks", dependencies=[_HEAD])
async def list_looks(
    uai: Uai,
    pupil_id: UUID,
    database: RequestDatabase,
    before: Annotated[int | None, Query(ge=1, le=BIGGEST)] = None,
    limit: Limit = PAGE,
) -> LookPage:
    """Who has seen a learner of the school in the last 12 months: his page, the export of his data,
    or his identity by ticket in a school that he is offered to.
    """
    async with database.connection() as connection:
        await _check_known(connection, uai, pupil_id)
        rows = await looks.looks_at(connection, pupil_id, before, limit)
    found = [_look(dict(row), uai) for row in rows]
    return LookPage(looks=found, next=found[-1].id if len(found) == limit else None)


def _look(row: dict[str, Any], uai: Uai) -> Look:
    return Look(**{**row, "viewer": row["viewer"] if row["uai"] == uai else None})


async def _check_known(connection: Connection, uai: Uai, pupil_id: UUID) -> None:
    if pupil_id not in await store.pupils(connection, uai, [pupil_id]):
        raise UnknownPupilError


@router.get("/pupils/{pupil_id}/export")
async def export(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, _HEAD],
    runtime: RequestRuntime,
) -> Held:
    """What is held of a learner of the school, for a request about one's own data."""
    async with runtime.database.transaction() as transaction:
        connection = transaction.connection
        await _check_known(connection, uai, pupil_id)
        held = await exporting.held(connection, uai, pupil_id)
        seen = await looks.looks_at(connection, pupil_id, None, None)
        await looks.note(connection, uai, caller.sub, What.EXPORT, pupil_id, runtime.clock.now())
    return Held(**held, looks=[_look(dict(row), uai) for row in seen])


@router.post("/pupils/{pupil_id}/erasure", status_code=204)
async def erase(
    uai: Uai,
    pupil_id: UUID,
    wanted: Erasure,
    caller: Annotated[Principal, _HEAD],
    version: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
) -> None:
    """Erase a learner who has left, his dossier and his match keys included, for good. What remains
    is that he was erased, when, by whom and why, without his identity.
    """
    await erasing.erase_on_request(
        runtime.database,
        uai,
        pupil_id,
        version,
        wanted.reason,
        under_way_by(runtime.settings),
        by_whom=caller.sub,
        now=runtime.clock.now(),
    )


@router.get("/erasures/planned", dependencies=[Depends(may(Action.EDIT_PUPILS))])
async def list_planned(
    uai: Uai, runtime: RequestRuntime, after: UUID | None = None, limit: Limit = PAGE
) -> PlannedPage:
    """The learners whom the service erases within 30 days, because they left long ago."""
    until = runtime.clock.now() + domain.ANNOUNCED
    months = erasing.kept_months(runtime)
    async with runtime.database.connection() as connection:
        rows = await erasures.planned(connection, uai, until, months, after, limit)
    found = [Planned(pupil_id=row["id"], **row) for row in rows]
    return PlannedPage(planned=found, next=found[-1].pupil_id if len(found) == limit else None)
