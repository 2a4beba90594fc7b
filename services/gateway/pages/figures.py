"""The figures of an académie: how long dossiers took, month by month, and what others wait for."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from services.gateway.domain import months
from services.gateway.pages.administration import (
    PATH,
    Administering,
    check_academie,
    path_of,
    service_path,
)
from services.gateway.parts import runtime_of
from services.gateway.web import downloads
from services.gateway.web.visit import Visit

router = APIRouter(include_in_schema=False)

SHOWN: Final = 6
DELAYS: Final = {
    "minute": "en une minute", "hour": "en une heure", "day": "en un jour", "later": "plus tard",
}  # fmt: skip
WAITING: Final = {
    "active-at-origin": "l'apprenant est encore inscrit dans l'établissement d'origine",
    "key-rotation": "un changement de clé est en cours",
    "no-arrival": "aucun établissement ne l'a déclaré par un import",
    "destination-import": "l'import de l'établissement d'accueil",
    "held": "un transfert annulé : un accord est nécessaire",
    "several-arrivals": "il est inscrit dans plusieurs établissements : un avis est nécessaire",
    "birth-differs": "les dates de naissance diffèrent : un avis est nécessaire",
    "opposition": "la famille s'oppose au transfert",
    "origin-switch": "l'établissement d'origine n'a pas activé le transfert",
    "destination-switch": "l'établissement d'accueil n'a pas activé le transfert",
    "offered": "une proposition à la main attend sa réponse",
    "other-request": "un autre transfert du même apprenant est en cours",
}
"""What departures wait for, in words."""

Month = Annotated[str, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


@router.get(f"{PATH}/{{academie}}/chiffres")
async def show(visit: Administering, academie: str, mois: Month = "") -> Response:
    """Six months up to `mois`, and what the departures of today wait for."""
    await check_academie(visit, academie)
    asked = mois or f"{runtime_of(visit.request).clock.now():%Y-%m}"
    found = await _figures(visit, academie, months.until(asked, SHOWN))
    base, older = path_of(academie), months.until(asked, SHOWN + 1)[-1]
    return await visit.page(
        "administration-chiffres.html", academie=academie, base=base, figures=found, delays=DELAYS,
        month_name=months.name, waiting=WAITING, older=f"{base}/chiffres?mois={older}",
        table=f"{base}/chiffres.csv?mois={asked}", latest=f"{base}/chiffres" if mois else "",
    )  # fmt: skip


async def _figures(visit: Visit, academie: str, asked: list[str]) -> list[dict[str, Any]]:
    path = f"{service_path(academie)}/figures"
    answers = await asyncio.gather(
        *(visit.calls.get("transfer", path, params={"month": month}) for month in asked)
    )
    return [answer.json for answer in answers]


@router.get(f"{PATH}/{{academie}}/chiffres.csv")
async def download(visit: Administering, academie: str, mois: Month) -> Response:
    """The same months as a table."""
    await check_academie(visit, academie)
    found = await _figures(visit, academie, months.until(mois, SHOWN))
    rows = [
        [
            one["month"], *(one["closed"].get(name, 0) for name in DELAYS),
            one["by_hand"], one["without_data"], one["reversed"],
        ]
        for one in found
    ]  # fmt: skip
    headings = ("Mois", *DELAYS.values(), "À la main", "Sans documents", "Annulés")
    return downloads.table("chiffres.csv", headings, rows)
