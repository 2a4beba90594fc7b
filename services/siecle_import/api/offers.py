"""The learner whom another school offers (guide, situation 2): who he is, who of ours may be he,
and to create him. Each call shows a ticket of `transfer`, and each is in the access log.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from services.siecle_import import acts
from services.siecle_import.api import pupils
from services.siecle_import.domain import editing, suggesting
from services.siecle_import.domain.pupils import Pupil
from services.siecle_import.domain.suggesting import Why
from services.siecle_import.keys import KeyMaker
from services.siecle_import.store import looks, registry
from services.siecle_import.store import pupils as store
from services.siecle_import.store.looks import What
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may
from shared.service import RequestRuntime, Runtime
from shared.signing import TICKET_REFUSED, Purpose, Ticket, ticket_for
from shared.web.problems import Problem, ProblemError

router = APIRouter(
    prefix="/schools/{uai}/offers/{transfer_id}",
    tags=["transferts à la main"],
    dependencies=[Depends(may(Action.TRANSFER_BY_HAND))],
)

ALREADY_HERE = Problem(
    409,
    "apprenant-deja-present",
    "Apprenant déjà présent",
    "L'établissement a déjà une fiche de cet apprenant : rattachez-y la proposition.",
)
HAS_LEFT = (
    "L'établissement a déjà une fiche de cet apprenant, qui en était sorti : réactivez-la (ou "
    "faites un nouvel import), puis rattachez-y la proposition."
)

PROBLEMS: dict[type[Exception], Problem] = {
    acts.OfferedLearnerGoneError: Problem(
        404,
        "apprenant-efface",
        "Apprenant effacé",
        "L'établissement qui proposait cet apprenant ne l'a plus dans sa base, ou la fiche créée "
        "ici pour lui a été effacée : refusez la proposition.",
    ),
}

WHY = {
    Why.SAME_INE: "même INE",
    Why.SAME_NAMES: "mêmes nom et prénom",
    Why.SIMILAR_NAMES: "nom et prénom proches",
    Why.SWAPPED_NAMES: "nom et prénom inversés",
    Why.OTHER_NAMES: "nom ou prénom différent",
    Why.SAME_BIRTH: "même date de naissance",
    Why.SWAPPED_BIRTH: "date de naissance : jour et mois inversés",
    Why.ONE_DIGIT: "date de naissance : un chiffre d'écart",
    Why.OTHER_BIRTH: "date de naissance différente",
}


class Offered(BaseModel):
    """Who is offered: what the receiving school needs to recognise him, and no more."""

    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    sex: str | None
    division: str | None
    origin_uai: str
    origin_name: str | None


class Suggestion(BaseModel):
    """An active learner of this school who may be the one offered: how near (percent), and why."""

    pupil_id: UUID
    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    division: str | None
    score: int
    why: list[str]


class Suggestions(BaseModel):
    """Those who may be the learner offered, the nearest first, ten at the most."""

    suggestions: list[Suggestion]


def _for_this(purpose: Purpose) -> Callable[..., Awaitable[Ticket]]:
    """The ticket that the caller shows, which is about the transfer in the address."""

    async def check(transfer_id: UUID, ticket: Annotated[Ticket, ticket_for(purpose)]) -> Ticket:
        if ticket.transfer_id != transfer_id:
            raise ProblemError(TICKET_REFUSED)
        return ticket

    return check


@router.get("/learner")
async def read_offered(
    ticket: Annotated[Ticket, Depends(_for_this(Purpose.IDENTITY))], runtime: RequestRuntime
) -> Offered:
    """Who is offered."""
    pupil = await _seen(runtime, ticket, What.IDENTITY)
    async with runtime.database.connection() as connection:
        names = await registry.names(connection, [pupil.uai])
    fields = {n: getattr(pupil, n) for n in Offered.model_fields if hasattr(pupil, n)}
    return Offered(**fields, origin_uai=pupil.uai, origin_name=names.get(pupil.uai))


@router.get("/suggestions")
async def suggest(
    uai: Uai,
    ticket: Annotated[Ticket, Depends(_for_this(Purpose.SUGGEST))],
    runtime: RequestRuntime,
) -> Suggestions:
    """Who of this school's learners may be the one offered."""
    pupil = await _seen(runtime, ticket, What.SUGGEST)
    async with runtime.database.connection() as connection:
        base = await store.active_in(connection, uai)
    found = await asyncio.to_thread(suggesting.suggestions, pupil, base)
    return Suggestions(suggestions=[_suggested(one) for one in found])


def _suggested(one: suggesting.Suggestion) -> Suggestion:
    names = [name for name in Suggestion.model_fields if hasattr(one.pupil, name)]
    fields = {name: getattr(one.pupil, name) for name in names}
    return Suggestion(
        **fields, pupil_id=one.pupil.id, score=one.score, why=[WHY[why] for why in one.why]
    )


@router.post("/learner", status_code=201)
async def create(
    uai: Uai,
    ticket: Annotated[Ticket, Depends(_for_this(Purpose.CREATE))],
    runtime: RequestRuntime,
    response: Response,
) -> pupils.Pupil:
    """Create the learner offered in this school; the offer is accepted with his id. Asked again,
    it answers the same learner: the transfer is the key.
    """
    keys, now = KeyMaker.from_settings(runtime.settings), runtime.clock.now()
    pupil = await _seen(runtime, ticket, What.CREATE)
    try:
        async with runtime.database.transaction() as transaction:
            created = await acts.enter_offered(
                transaction, uai, ticket.transfer_id, pupil, keys, now
            )
            return await pupils.answer(transaction.connection, uai, created, response)
    except editing.AlreadyThereError as error:
        raise ProblemError(_already_here(error.pupil)) from None


def _already_here(pupil: Pupil) -> Problem:
    """That the school has him: under which id, and what to do first where he has left."""
    known = replace(ALREADY_HERE, errors=[{"field": "pupil_id", "message": str(pupil.id)}])
    return known if pupil.active else replace(known, detail=HAS_LEFT)


async def _seen(runtime: Runtime, ticket: Ticket, what: What) -> Pupil:
    """The learner of a ticket. The look is logged first, whatever comes of the request."""
    learner = ticket.learner
    async with runtime.database.transaction() as transaction:
        connection = transaction.connection
        found = await store.pupils(connection, learner.uai, [learner.pupil_id])
        if learner.pupil_id not in found:
            raise acts.OfferedLearnerGoneError
        now = runtime.clock.now()
        await looks.note(connection, ticket.uai, ticket.viewer, what, learner.pupil_id, now)
    return found[learner.pupil_id]
