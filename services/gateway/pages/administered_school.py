"""One school as administrators see it: name and e-mail, its head, closing and reopening it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from starlette.exceptions import HTTPException

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
    "guest_email": "Adresse professionnelle",
    "guest_name": "Prénom et nom",
    "guest_function": "Fonction",
    "successor": "UAI de l'établissement qui lui succède",
}
_GUEST: Final = {"email": "guest_email", "name": "guest_name", "function": "guest_function"}

Reading = Annotated[Visit, Depends(visiting(Action.INVITE_HEAD))]
Posting = Annotated[Visit, Depends(posting(Action.INVITE_HEAD))]


@router.get(SCHOOL)
async def show(visit: Reading) -> Response:
    """The school of the session."""
    return await visit.page(TEMPLATE, **await _beside(visit, {}))


async def _beside(visit: Visit, typed: Mapping[str, str]) -> dict[str, Any]:
    """The card, what it lacks, and its heads."""
    get, path = visit.calls.get, visit.school
    card, readiness, users = await asyncio.gather(
        get("etablissement", f"{path}/card"),
        get("etablissement", f"{path}/readiness"),
        get("etablissement", f"{path}/users"),
    )
    heads = [
        {**user, "right": right}
        for user in users.json
        for right in user["rights"]
        if right["role"] == "direction"
    ]
    return {
        "card": card.json, "version": card.etag, "readiness": readiness.json, "heads": heads,
        "labels": LABELS, "typed": typed,
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
        return await visit.refused(TEMPLATE, error, **await _beside(visit, typed))
    return await visit.redirect(SCHOOL, "La fiche de l'établissement est enregistrée.")


@router.post(f"{SCHOOL}/direction")
async def invite(visit: Posting) -> Response:
    """Invite the head of the school, who invites the others."""
    typed = {name: visit.text(name) for name in _GUEST.values()}
    body = {own: typed[name] for own, name in _GUEST.items()}
    path = f"{visit.school}/head"
    try:
        await visit.calls.create("etablissement", path, body, key=visit.text("key"))
    except RefusedError as error:
        error.fields = {_GUEST.get(name, name): text for name, text in error.fields.items()}
        return await visit.refused(TEMPLATE, error, **await _beside(visit, typed))
    told = "La direction est invitée : elle a ses droits dès sa première connexion."
    return await visit.redirect(SCHOOL, told)


@router.get(f"{SCHOOL}/direction/{{right}}/fin")
async def ask_end(visit: Reading, right: UUID) -> Response:
    """Whose right ends, and what that does."""
    shown = await _beside(visit, {})
    head = next((one for one in shown["heads"] if one["right"]["id"] == str(right)), None)
    if head is None:
        raise HTTPException(404)
    return await visit.page("administration-direction.html", head=head, card=shown["card"])


@router.post(f"{SCHOOL}/direction/{{right}}/fin")
async def end_head(visit: Posting, right: UUID) -> Response:
    """End the right of a head who has left."""
    await visit.calls.change("etablissement", "DELETE", f"{visit.school}/head/{right}")
    return await visit.redirect(SCHOOL, "Le droit de direction est retiré.")


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
