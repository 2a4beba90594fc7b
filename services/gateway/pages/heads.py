"""The head of a school, as its administrators invite one (people.md: « invite its head »)."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages import users
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action, Role

router = APIRouter(include_in_schema=False)

PATH: Final = "/etablissement/direction"
TEMPLATE: Final = "direction.html"
LABELS: Final = {name: label for name, label in users.LABELS.items() if name != "role"}


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.INVITE_HEAD))]) -> Response:
    """Who heads the school, and the form that invites someone."""
    return await visit.page(TEMPLATE, **await _page(visit, dict.fromkeys(LABELS, "")))


@router.post(PATH)
async def invite(visit: Annotated[Visit, Depends(posting(Action.INVITE_HEAD))]) -> Response:
    """Invite the head, who invites the others."""
    typed = {name: visit.text(name) for name in LABELS}
    path, key = f"{visit.school}/head", visit.text("key")
    try:
        await visit.calls.create("etablissement", path, users.guest(typed), key=key)
    except RefusedError as error:
        return await users.refused(visit, TEMPLATE, error, **await _page(visit, typed))
    return await visit.redirect(PATH, users.INVITED.format(who=typed["name"]))


@router.get(f"{PATH}/{{right}}/fin")
async def ask_to_end(
    visit: Annotated[Visit, Depends(visiting(Action.INVITE_HEAD))], right: UUID
) -> Response:
    """What ending the right of this head means."""
    heads = await _heads(visit)
    found = next((head for head in heads if head["right"]["id"] == str(right)), None)
    if found is None:
        return await visit.redirect(PATH, "Ce droit a déjà pris fin.", "warning")
    return await visit.page("direction-fin.html", head=found, last=len(heads) == 1)


@router.post(f"{PATH}/{{right}}/fin")
async def end(
    visit: Annotated[Visit, Depends(posting(Action.INVITE_HEAD))], right: UUID
) -> Response:
    """End the right of a head who has left."""
    try:
        await visit.calls.change("etablissement", "DELETE", f"{visit.school}/head/{right}")
    except RefusedError as error:
        page = await _page(visit, dict.fromkeys(LABELS, ""))
        return await users.refused(visit, TEMPLATE, error, **page)
    return await visit.redirect(PATH, "Ce droit de direction a pris fin.")


async def _heads(visit: Visit) -> list[dict[str, Any]]:
    return [
        {**user, "right": right}
        for user in await users.rights_of(visit)
        for right in user["rights"]
        if right["role"] == Role.DIRECTION
    ]


async def _page(visit: Visit, typed: dict[str, str]) -> dict[str, Any]:
    lacking = await users.readiness(visit)
    return {"heads": await _heads(visit), "typed": typed, "labels": LABELS, **lacking}
