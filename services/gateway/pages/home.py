"""« Accueil »: where one is, and the ways from here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.gateway.web.visit import ChoiceNeededError, Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show(visit: Annotated[Visit, Depends(visiting())]) -> Response:
    """The home page: what the card lacks, and the tabs."""
    if visit.uai is None and visit.session.rights.schools:
        raise ChoiceNeededError
    readiness = None
    if visit.may(Action.READ_SCHOOL):
        readiness = await visit.part(visit.calls.get("etablissement", f"{visit.school}/readiness"))
    return await visit.page("accueil.html", readiness=readiness)
