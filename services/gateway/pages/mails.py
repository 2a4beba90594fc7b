"""« Mails »: what was told about the school, to whom, and what did not arrive."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.web.visit import Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/mails"
KINDS: Final = {
    "access": "Accès inspecteur",
    "arrival": "Dossier proposé",
    "to-do": "À faire",
    "digest": "Transferts effectués",
}
STATES: Final = {
    "queued": ("en attente", "neutral"),
    "sending": ("en cours d'envoi", "neutral"),
    "sent": ("envoyé", "success"),
    "deferred": ("nouvel essai prévu", "warning"),
    "failed": ("non remis", "error"),
    "suppressed": ("non envoyé", "neutral"),
}
REASONS: Final = {
    "refused": "le serveur de mails du destinataire l'a refusé",
    "expired": "le serveur de mails du destinataire n'a pas répondu à temps",
    "bad-address": "l'adresse n'est pas bonne : corrigez-la dans la fiche ou chez l'inspecteur",
    "not-supported": "le serveur de mails n'accepte pas cette adresse",
    "restored": "retenu après une restauration, peut-être déjà envoyé",
    "overtaken": "un mail plus récent dit la suite",
    "listed": "les mails à cette adresse ont été arrêtés",
    "training": "système de formation : aucun mail ne part",
}


@router.get(PATH)
async def show(
    visit: Annotated[Visit, Depends(visiting(Action.READ_MAILS))],
    after: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(alias="etat", pattern="^(failed|)$")] = "",
) -> Response:
    """The mails of the last 12 months, those that did not arrive first."""
    given: dict[str, Any] = {"after": after, "state": state}
    params = {name: value for name, value in given.items() if value}
    found = await visit.calls.get("notifier", f"{visit.school}/mails", params=params)
    return await visit.page(
        "mails.html", mails=found.json["mails"], following=found.json["next"], state=state,
        untold=found.json["untold"], kinds=KINDS, states=STATES, reasons=REASONS,
    )  # fmt: skip
