"""One school as administrators see it: name and e-mail, closing and reopening it (its head:
`heads.py`).
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.administration import SCHOOL, service_path
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action
from shared.security import EVERYWHERE

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "administration-etablissement.html"
LABELS: Final = {
    "name": "Nom de l'établissement",
    "email": "Adresse électronique de l'établissement",
    "successor": "UAI de l'établissement qui lui succède",
}

Reading = Annotated[Visit, Depends(visiting(Action.INVITE_HEAD))]
Posting = Annotated[Visit, Depends(posting(Action.INVITE_HEAD))]


@router.get(SCHOOL)
async def show(visit: Reading) -> Response:
    """The school of the session."""
    return await visit.page(TEMPLATE, **await _beside(visit, {}))


async def _beside(visit: Visit, typed: Mapping[str, str]) -> dict[str, Any]:
    """The card, and what it lacks."""
    get, path = visit.calls.get, visit.school
    card, readiness = await asyncio.gather(
        get("etablissement", f"{path}/card"), get("etablissement", f"{path}/readiness")
    )
    return {
        "card": card.json, "version": card.etag, "readiness": readiness.json, "labels": LABELS,
        "typed": typed,
    }  # fmt: skip


@router.post(SCHOOL)
async def name_school(visit: Posting) -> Response:
    """« Valider »: name and e-mail, so that users can be created."""
    typed = {"name": visit.text("name"), "email": visit.text("email")}
    body = {"name": typed["name"], "email": typed["email"] or None}
    path, etag = f"{visit.school}/card/identity", visit.text("version")
    try:
        await visit.calls.change("etablissement", "PUT", path, body, etag=etag)
    except RefusedError as error:
        shown = await _beside(visit, typed)
        shown["version"] = visit.version_after(error, shown["version"])
        return await visit.refused(TEMPLATE, error, **shown)
    return await visit.redirect(SCHOOL, "La fiche de l'établissement est enregistrée.")


@router.get(f"{SCHOOL}/fermeture")
async def ask_closing(visit: Reading) -> Response:
    """What closing the school does, before it is done."""
    shown = await _beside(visit, {})
    return await visit.page("administration-fermeture.html", **shown)


@router.post(f"{SCHOOL}/fermeture")
async def close(visit: Posting) -> Response:
    """Close the school, or merge it into its successor."""
    typed = {"successor": visit.text("successor").upper()}
    shown = await _beside(visit, typed)
    try:
        await _act(visit, shown["card"], "closing", {"successor": typed["successor"] or None})
    except RefusedError as error:
        return await visit.refused("administration-fermeture.html", error, **shown)
    return await visit.redirect(SCHOOL, "L'établissement est fermé.")


@router.post(f"{SCHOOL}/reouverture")
async def reopen(visit: Posting) -> Response:
    """Open the school again."""
    shown = await _beside(visit, {})
    try:
        await _act(visit, shown["card"], "reopening", None)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **shown)
    return await visit.redirect(SCHOOL, "L'établissement est de nouveau ouvert.")


async def _act(visit: Visit, card: Mapping[str, Any], act: str, body: Any) -> None:
    """Close or reopen: acts of the académie that the school belongs to."""
    place = service_path(card["academie"] or EVERYWHERE)
    path = f"{place}/schools/{card['uai']}/{act}"
    await visit.calls.change("etablissement", "POST", path, body, etag=visit.text("version"))
