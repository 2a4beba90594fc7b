"""Doubt is shown to people: is this one person? (docs/transfer.md, rule 7)"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.transfers.reading import PATH, SERVICE, Json, names_of, read
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

REVIEWS: Final = f"{PATH}/rapprochements"
TEMPLATE: Final = "transferts-rapprochements.html"


@router.get(REVIEWS)
async def show(visit: Annotated[Visit, Depends(visiting(Action.REVIEW))]) -> Response:
    """The pairs that wait for an opinion."""
    return await visit.page(TEMPLATE, **await _content(visit))


async def _content(visit: Visit) -> dict[str, Any]:
    reviews = [_own(one) for one in await read(visit, "/reviews")]
    return {"reviews": reviews, "names": await names_of(visit, reviews)}


def _own(review: Json) -> Json:
    """A review with the own learner as `pupil_id` and the other school as `other_uai`."""
    other = "destination" if review["side"] == "origin" else "origin"
    pupil = review[f"{review['side']}_pupil"]
    return {**review, "pupil_id": pupil, "other_uai": review[f"{other}_uai"]}


@router.post(REVIEWS)
async def judge(visit: Annotated[Visit, Depends(posting(Action.REVIEW))]) -> Response:
    """Give the opinion of the school, or an administrator's."""
    same = visit.text("avis") == "oui"
    try:
        body = {
            "origin_pupil": str(UUID(visit.text("origine"))),
            "destination_pupil": str(UUID(visit.text("accueil"))),
            "same": same,
        }
    except ValueError:
        return await visit.redirect(REVIEWS)
    try:
        await visit.calls.change(SERVICE, "POST", f"{visit.school}/reviews", body)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit))
    told = (
        "Votre avis est enregistré : même personne."
        if same
        else ("Votre avis est enregistré : ce n’est pas la même personne, rien ne part.")
    )
    return await visit.redirect(REVIEWS, told)
