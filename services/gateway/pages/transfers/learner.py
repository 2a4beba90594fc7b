"""One learner: why his dossier has not come, and the opposition of his family."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.names import Names, full_name
from services.gateway.domain.transfers import WHY_ASKED
from services.gateway.pages.transfers.reading import PATH, SERVICE, read
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action, Role

router = APIRouter(include_in_schema=False)

LEARNER: Final = f"{PATH}/apprenant/{{pupil_id}}"
WHY: Final = "/pourquoi"
STAFF: Final = frozenset({Role.DIRECTION, Role.GESTION})
TEMPLATE: Final = "transferts-apprenant.html"
Asker = Annotated[Visit, Depends(visiting(Action.EXPLAIN))]


@router.get(LEARNER)
async def show(
    visit: Annotated[Visit, Depends(visiting(Action.TRANSFER_BY_HAND))], pupil_id: UUID
) -> Response:
    """Where his dossier stands, for the staff of his school; whether his family objects."""
    return await visit.page(TEMPLATE, **await _content(visit, pupil_id))


async def _content(visit: Visit, pupil_id: UUID) -> dict[str, Any]:
    opposition = await read(visit, f"/pupils/{pupil_id}/opposition")
    why = await read(visit, f"/pupils/{pupil_id}/why")
    names = await visit.names(learners=[str(pupil_id)], schools=why["others"])
    return {"id": str(pupil_id), "opposition": opposition, "why": why, "names": names}


@router.post(f"{LEARNER}/opposition")
async def oppose(
    visit: Annotated[Visit, Depends(posting(Action.TRANSFER_BY_HAND))], pupil_id: UUID
) -> Response:
    """Record that the family objects, or that it no longer does."""
    records = visit.text("oppose") == "oui"
    path = f"{visit.school}/pupils/{pupil_id}/opposition"
    try:
        await visit.calls.change(SERVICE, "PUT" if records else "DELETE", path)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit, pupil_id))
    told = (
        "L’opposition est enregistrée : rien ne part plus de lui-même pour cet apprenant."
        if records
        else "L’opposition est levée : ce qui n’attendait qu’elle part maintenant."
    )
    return await visit.redirect(f"{PATH}/apprenant/{pupil_id}", told)


@router.get(WHY)
async def ask(visit: Asker) -> Response:
    """« Pourquoi ce dossier n'est-il pas arrivé ? »: of whom?"""
    return await visit.page("pourquoi.html", **_asked(visit))


def _asked(visit: Visit, **more: Any) -> dict[str, Any]:
    school = visit.session.school
    staff = school is not None and bool(school.roles & STAFF)
    blank: dict[str, Any] = {
        "staff": staff, "reasons": [("", "Choisissez"), *WHY_ASKED.items()], "text": "",
        "found": None, "learner": "", "because": "", "why": None, "full_name": full_name,
        "names": Names(),
    }  # fmt: skip
    return blank | more


@router.post(f"{WHY}/recherche")
async def find(visit: Annotated[Visit, Depends(posting(Action.READ_PUPILS))]) -> Response:
    """The learners of this name, each with the way to the answer."""
    text = visit.text("nom")
    if not text:
        wrong = {"nom": "écrivez un nom, ou une partie"}
        return await visit.page("pourquoi.html", 422, errors=wrong, **_asked(visit))
    path = f"{visit.school}/pupils/search"
    page = await visit.calls.search("siecle_import", path, {"name": text, "limit": 20})
    return await visit.page("pourquoi.html", **_asked(visit, text=text, found=page.json["pupils"]))


@router.post(WHY)
async def answer(visit: Annotated[Visit, Depends(posting(Action.EXPLAIN))]) -> Response:
    """The answer for administrators and support: no name; the reason is kept."""
    learner, because = visit.text("apprenant"), visit.text("motif")
    wrong = {}
    try:
        UUID(learner)
    except ValueError:
        wrong["apprenant"] = "identifiant attendu, tel que l’établissement l’a communiqué"
    if because not in WHY_ASKED:
        wrong["motif"] = "dites pourquoi vous posez cette question"
    typed = _asked(visit, learner=learner, because=because)
    if wrong:
        return await visit.page("pourquoi.html", 422, errors=wrong, **typed)
    path = f"{visit.school}/pupils/{UUID(learner)}/why"
    told = await visit.calls.change(SERVICE, "POST", path, {"because": because})
    names = await visit.names(schools=told.json["others"])
    return await visit.page("pourquoi.html", **typed | {"why": told.json, "names": names})
