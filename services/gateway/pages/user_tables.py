"""Users invited by a CSV: its model, what it says, then all of it or nothing."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.french import count
from services.gateway.pages import users
from services.gateway.web import downloads
from services.gateway.web.visit import Visit, posting, uploading, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = f"{users.PATH}/tableau"
TEMPLATE: Final = "utilisateurs-tableau.html"
PREVIEW: Final = "utilisateurs-apercu.html"
AT_MOST: Final = 100_000
"""Bytes of a table: 500 lines are far below. What was read stands in the form that confirms it."""

COLUMNS: Final = ("adresse electronique", "nom", "fonction", "role", "du", "au")
EXAMPLE: Final = (
    "prenom.nom@exemple.fr", "NOM Prénom", "secrétaire", "gestion", "01/09/2025", "31/08/2026",
)  # fmt: skip


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.MANAGE_USERS))]) -> Response:
    """How the table is to be, and the form for it."""
    return await visit.page(TEMPLATE, **await users.readiness(visit))


@router.get(f"{PATH}/modele.csv", dependencies=[Depends(visiting(Action.MANAGE_USERS))])
async def download_model() -> Response:
    """A table to fill in."""
    return downloads.table("modele-utilisateurs.csv", COLUMNS, [EXAMPLE])


@router.post(f"{PATH}/apercu")
async def preview(
    visit: Annotated[Visit, Depends(uploading(Action.MANAGE_USERS, at_most=AT_MOST))],
) -> Response:
    """What the table says; nobody is invited yet."""
    upload = visit.upload
    if upload is None or not upload.filename:
        return await _again(visit, "choisissez d'abord un fichier")
    table = _decoded(b"".join([chunk async for chunk in upload.chunks()]))
    try:
        found = await _send(visit, "table/preview", table)
    except RefusedError as error:
        lacking = await users.readiness(visit)
        return await users.refused(visit, TEMPLATE, error, **lacking)
    lines = [{**line, "label": users.ROLES[line["role"]]} for line in found["users"]]
    return await visit.page(PREVIEW, lines=lines, wrong=found["wrong"], table=table)


@router.post(PATH)
async def invite(visit: Annotated[Visit, Depends(posting(Action.MANAGE_USERS))]) -> Response:
    """Invite all whom the preview has shown."""
    try:
        found = await _send(visit, "table", visit.text("table"), visit.text("key"))
    except RefusedError as error:
        lacking = await users.readiness(visit)
        return await users.refused(visit, TEMPLATE, error, **lacking)
    invited = count(found["invited"], "invitation enregistrée", "invitations enregistrées")
    text = f"{invited}. L'application n'envoie pas de mail : prévenez ces personnes."
    return await visit.redirect(users.PATH, text)


async def _send(visit: Visit, path: str, table: str, key: str = "") -> Any:
    async def body() -> AsyncIterator[bytes]:
        yield table.encode()

    headers = {"Content-Type": "text/csv"} | ({"Idempotency-Key": key} if key else {})
    path = f"{visit.school}/users/{path}"
    return (await visit.calls.send("etablissement", "POST", path, body(), headers)).json


async def _again(visit: Visit, why: str) -> Response:
    lacking = await users.readiness(visit)
    return await visit.page(TEMPLATE, 422, errors={"fichier": why}, **lacking)


def _decoded(content: bytes) -> str:
    """The text of a table, in UTF-8 or as a spreadsheet on a school's PC saves it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
