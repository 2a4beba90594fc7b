"""« Information des familles »: the notice about transfers, as a page and as a PDF to hand out."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.domain import notice as text
from services.gateway.parts import runtime_of
from services.gateway.passeports import AT_ONCE, image_of
from services.gateway.web import documents, limits
from services.gateway.web.visit import Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/information-familles"
FILE: Final = "information-familles.pdf"

Reader = Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]


@router.get(PATH)
async def show(visit: Reader) -> Response:
    """The notice, and what of the card would make it more precise."""
    card = await visit.calls.get("etablissement", f"{visit.school}/card")
    lacks = [label for name, label in _WANTED.items() if not card.json[name]]
    return await visit.page(
        "information-familles.html", text=text, sections=text.sections(card.json), lacks=lacks
    )


_WANTED: Final = {
    "email": "l'adresse électronique",
    "head_name": "le nom du chef d'établissement",
    "town": "la ville",
}


@router.get(f"{PATH}.pdf")
async def download(visit: Reader) -> Response:
    """The same on A4 paper, with the logo and a slip to return."""
    runtime = runtime_of(visit.request)
    now = runtime.clock.now()
    await limits.DOCUMENT.count(runtime.database, visit.person.sub, now)
    card, logo = await asyncio.gather(
        visit.calls.get("etablissement", f"{visit.school}/card"),
        image_of(visit.calls, f"{visit.school}/logo"),
    )
    from services.gateway.documents.notice import notice  # late, as in `passeports`

    async with AT_ONCE:
        made = await asyncio.to_thread(notice, card.json, logo, now)
    return documents.saved(FILE, documents.PDF, made)
