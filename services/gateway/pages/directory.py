"""The public directory of schools, sent as CSV by the national administrator."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.administration import PATH, Administering, Posting, is_national
from services.gateway.web.visit import NotAllowedError, Visit, uploading
from shared.rights import Action

router = APIRouter(include_in_schema=False)

DIRECTORY: Final = f"{PATH}/annuaire"
MAX_BYTES: Final = 100 * 1024 * 1024
"""As the Ingress lets through; by its command `etablissement` reads larger ones."""
COUNTS: Final = {
    "read": "Lignes lues",
    "new": "Nouveaux établissements",
    "changed": "Établissements modifiés",
    "unchanged": "Établissements inchangés",
    "refused": "Lignes refusées",
    "left_out_email": "Adresses électroniques laissées de côté",
    "left_out_phone": "Téléphones laissés de côté",
    "left_out_postcode": "Codes postaux laissés de côté",
}


def _check(visit: Visit) -> None:
    if not is_national(visit):
        raise NotAllowedError


@router.get(DIRECTORY)
async def show(visit: Administering) -> Response:
    """Drop the directory."""
    _check(visit)
    return await visit.page("administration-annuaire.html")


@router.post(DIRECTORY)
async def send(
    visit: Annotated[
        Visit, Depends(uploading(Action.MANAGE_SCHOOLS, anywhere=True, at_most=MAX_BYTES))
    ],
) -> Response:
    """Have the directory read; nothing changes."""
    _check(visit)
    upload, template = visit.upload, "administration-annuaire.html"
    if upload is None or not upload.filename:
        return await visit.page(template, 422, errors={"fichier": "choisissez le fichier CSV"})
    headers = {"Idempotency-Key": visit.text("key"), "Content-Type": "text/csv"}
    try:
        sent = await visit.calls.send(
            "etablissement", "POST", "/directory", upload.chunks(), headers
        )
    except RefusedError as error:
        await upload.drain()
        return await visit.refused(template, error)
    return await visit.redirect(f"{DIRECTORY}/{sent.json['id']}")


@router.get(f"{DIRECTORY}/{{import_id}}")
async def show_read(visit: Administering, import_id: UUID) -> Response:
    """What the directory would change, or has changed."""
    _check(visit)
    found = await visit.calls.get("etablissement", f"/directory/{import_id}")
    return await visit.page("administration-annuaire-lu.html", found=found.json, counts=COUNTS)


@router.post(f"{DIRECTORY}/{{import_id}}")
async def apply(visit: Posting, import_id: UUID) -> Response:
    """Write it into the registry."""
    _check(visit)
    await visit.calls.change("etablissement", "POST", f"/directory/{import_id}/application")
    return await visit.redirect(f"{DIRECTORY}/{import_id}", "L'annuaire est appliqué.")
