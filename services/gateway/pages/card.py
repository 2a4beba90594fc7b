"""« Etablissement »: the card of the school, what it lacks, who has changed what."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.french import telephone
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/etablissement"
TEMPLATE: Final = "etablissement.html"
LABELS: Final = {
    "name": "Nom de l'établissement",
    "email": "Adresse électronique",
    "address": "Adresse",
    "postcode": "Code postal",
    "town": "Ville",
    "phone": "Téléphone",
    "head_name": "Nom du chef d'établissement",
    "head_function": "Fonction (par exemple proviseure)",
    "digest": "Bilan quotidien des transferts par mail",
    "academie": "Académie",
    "nature": "Nature",
    "open": "Ouvert",
    "successor": "Successeur",
}
ACTS: Final = {
    "created": "Création", "edited": "Modification", "closed": "Fermeture", "merged": "Fusion",
    "reopened": "Réouverture", "directory": "Annuaire",
}  # fmt: skip
FIELDS: Final = ("name", "email", "postcode", "town", "phone", "head_name", "head_function")
HISTORY: Final = 20


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]) -> Response:
    """The card."""
    card = await visit.calls.get("etablissement", f"{visit.school}/card")
    return await visit.page(TEMPLATE, **await _beside(visit, card.json, card.etag))


@router.post(PATH)
async def save(visit: Annotated[Visit, Depends(posting(Action.EDIT_SCHOOL))]) -> Response:
    """« Valider »: what was typed stays when it is refused, with all errors at once."""
    etag = visit.text("version")
    wanted = {name: visit.text(name) for name in FIELDS}
    body = wanted | {
        "address": visit.text("address").splitlines(),
        "digest": visit.text("digest") == "oui",
    }
    path = f"{visit.school}/card"
    try:
        await visit.calls.change("etablissement", "PUT", path, body, etag=etag)
    except RefusedError as error:
        card = await visit.calls.get("etablissement", path)
        version = visit.version_after(error, card.etag)
        beside = await _beside(visit, {**card.json, **body}, version)
        return await visit.refused(TEMPLATE, error, **beside)
    return await visit.redirect(PATH, "La fiche de l'établissement est enregistrée.")


@router.get(f"{PATH}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))],
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Who has changed what, page by page."""
    params = {} if before is None else {"before": before}
    found = await visit.calls.get("etablissement", f"{visit.school}/card/history", params=params)
    return await visit.page(
        "etablissement-historique.html", history=found.json, labels=LABELS, acts=ACTS
    )


async def _beside(visit: Visit, card: Mapping[str, Any], etag: str) -> dict[str, Any]:
    """What the page shows beside the card; each part may be missing for a while."""
    path = visit.school
    history, readiness = await asyncio.gather(
        visit.part(
            visit.calls.get("etablissement", f"{path}/card/history", params={"limit": HISTORY})
        ),
        visit.part(visit.calls.get("etablissement", f"{path}/readiness")),
    )
    shown = {**card, "phone": telephone(card["phone"]), "address": "\n".join(card["address"])}
    return {
        "card": shown, "version": etag, "history": history, "readiness": readiness,
        "labels": LABELS, "acts": ACTS, "editable": visit.may(Action.EDIT_SCHOOL),
    }  # fmt: skip
