"""« Passeport professionnel »: for staff from a learner's page, and for the learner's own token."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.gateway import passeports
from services.gateway.clients.services import Calls, RefusedError, ServiceDownError
from services.gateway.parts import parts_of, runtime_of
from services.gateway.web import documents, errors, limits
from services.gateway.web.visit import Visit, visiting
from shared.rights import Action
from shared.security import FORBIDDEN, Learner, Principal, principal
from shared.web.problems import Problem, ProblemError

router = APIRouter()

FILE: Final = "passeport-professionnel.pdf"
"""Its name holds none of a learner's: it stays in lists of downloads."""

FOR_PASSEPORT: Final = "records:read pupils:read documents:make"
"""What the gateway asks the services for, in the name of a learner, for this one answer."""

Reader = Annotated[Visit, Depends(visiting(Action.READ_RECORDS))]


@router.get("/apprenants/{pupil_id}/passeport", include_in_schema=False)
async def show(pupil_id: UUID, visit: Reader) -> Response:
    """What the passeport will hold, and the button; what the card lacks first."""
    path = f"{visit.school}/pupils/{pupil_id}"
    pupil = await visit.calls.get("siecle_import", path)
    readiness = await visit.calls.get("etablissement", f"{visit.school}/readiness")
    return await visit.page(
        "passeport.html", pupil=pupil.json, pupil_id=pupil_id, readiness=readiness.json
    )


@router.get("/apprenants/{pupil_id}/passeport.pdf", include_in_schema=False)
async def download(pupil_id: UUID, visit: Reader) -> Response:
    """The file; refused while the card lacks something (409, which names it)."""
    runtime = runtime_of(visit.request)
    now = runtime.clock.now()
    await limits.DOCUMENT.count(runtime.database, visit.person.sub, now)
    made = await passeports.made(visit.calls, str(visit.uai), str(pupil_id), now)
    return documents.saved(FILE, documents.PDF, made)


async def own(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """The learner who asks for his own passeport; nobody else, whatever he may do."""
    if caller.learner is None or not caller.allows(Action.OWN_PASSEPORT):
        raise ProblemError(FORBIDDEN)
    return caller


@router.get(
    "/passeport",
    tags=["passeport"],
    response_class=Response,
    responses={200: {"description": "The passeport", "content": {"application/pdf": {}}}},
)
async def read_own(request: Request, caller: Annotated[Principal, Depends(own)]) -> Response:
    """The passeport professionnel of the learner whom the token names (claim `learner`, scope
    `passeport:own`). There is no one to choose: the address says nothing.
    """
    runtime = runtime_of(request)
    now = runtime.clock.now()
    await _count(request, caller)
    learner = caller.learner
    if learner is None:
        raise ProblemError(FORBIDDEN)
    try:
        made = await passeports.made(_calls(request, caller, learner), learner.uai,
                                     str(learner.pupil), now)  # fmt: skip
    except RefusedError as error:
        raise ProblemError(Problem(error.status, error.type, error.title, error.detail)) from None
    except ServiceDownError as error:
        told = errors.down(error.service)
        raise ProblemError(
            Problem(told.status, "service-indisponible", told.title, told.advice)
        ) from None
    return documents.saved(FILE, documents.PDF, made)


async def _count(request: Request, caller: Principal) -> None:
    runtime = runtime_of(request)
    try:
        await limits.DOCUMENT.count(runtime.database, caller.sub, runtime.clock.now())
    except limits.TooManyError as error:
        detail = f"Réessayez dans {error.minutes} min."
        raise ProblemError(Problem(429, "trop-d-essais", "Trop d'essais", detail)) from None


def _calls(request: Request, caller: Principal, learner: Learner) -> Calls:
    """The services, in the name of the learner: the looks at his records say that it was he."""
    person = Principal(sub=f"apprenant:{learner.pupil}", name=caller.name, scope=FOR_PASSEPORT)
    return parts_of(request).services.of(person)
