"""« Pourquoi ce dossier n'est-il pas arrivé ? »: for the school, and for those who help it."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.transfer.domain.explaining import Answer, WhyAsked, for_the_school
from services.transfer.domain.status import Who
from services.transfer.explaining import explain
from services.transfer.settings import TransferSettings
from services.transfer.store import people
from services.transfer.store.people import Act
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action, Role
from shared.security import Principal, may
from shared.service import RequestRuntime, Runtime
from shared.web.problems import Problem, ProblemError

OWN_SCHOOL = frozenset({Role.DIRECTION, Role.GESTION})
REASON_REQUIRED = Problem(
    422,
    "motif-requis",
    "Motif requis",
    "Dites pourquoi vous posez cette question (demande de l'établissement, de la famille, "
    "incident, contrôle) : le motif est enregistré.",
)

router = APIRouter(prefix="/schools/{uai}/pupils", tags=["pourquoi"])


class Waiting(BaseModel):
    """An event that a service could not handle: its number for the support, never what it holds."""

    event_id: UUID
    service: str
    attempts: int
    error: str
    waits_for_person: bool


class Explanation(BaseModel):
    """The first true cause, who must act, since when, and what to do. `others` are the schools in
    question; `asked` how often the move was asked for while it is on its way.
    """

    code: str
    who: Who
    since: dt.datetime | None
    text: str
    others: list[str]
    asked: int
    parked: list[Waiting]


class Question(BaseModel, extra="forbid"):
    """Why someone from outside the school asks."""

    because: WhyAsked


@router.get("/{pupil_id}/why")
async def why(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.EXPLAIN))],
    runtime: RequestRuntime,
) -> Explanation:
    """Why this learner's dossier has not come to his school, for the school's own staff."""
    if not _is_staff(caller, uai):
        raise ProblemError(REASON_REQUIRED)
    async with runtime.database.connection() as connection:
        answer = await _answer(connection, runtime, uai, pupil_id)
    return _told(for_the_school(answer))


@router.post("/{pupil_id}/why")
async def why_for(
    uai: Uai,
    pupil_id: UUID,
    question: Question,
    caller: Annotated[Principal, Depends(may(Action.EXPLAIN))],
    runtime: RequestRuntime,
) -> Explanation:
    """The same for administrators and support; the reason goes into the trail. Staff who ask so are
    told no more than before.
    """
    async with runtime.database.transaction() as transaction:
        act = Act(uai, caller.sub, "explained", question.because, pupil_id=pupil_id)
        await people.note(transaction.connection, [act])
        answer = await _answer(transaction.connection, runtime, uai, pupil_id)
        return _told(for_the_school(answer) if _is_staff(caller, uai) else answer)


def _is_staff(caller: Principal, uai: Uai) -> bool:
    return bool(caller.schools.get(uai, frozenset()) & OWN_SCHOOL)


async def _answer(connection: Connection, runtime: Runtime, uai: Uai, pupil_id: UUID) -> Answer:
    settings = TransferSettings.model_validate(runtime.settings)
    return await explain(connection, settings, uai, pupil_id)


def _told(answer: Answer) -> Explanation:
    return Explanation.model_validate(answer, from_attributes=True)
