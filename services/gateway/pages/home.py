"""« Accueil »: what needs attention, what is left to set up, and the ways from here."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import Answer
from services.gateway.domain import attention
from services.gateway.pages import setting_up
from services.gateway.web.patience import BESIDE
from services.gateway.web.visit import ChoiceNeededError, Down, Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

SOME_IMPORTS: Final = 10
"""Newest imports that are asked for: the last one, and whether one of them is applied."""

TEMPLATE: Final = "accueil.html"


@router.get("/")
async def show(visit: Annotated[Visit, Depends(visiting())]) -> Response:
    """The home page; a part whose service is away says so."""
    if visit.uai is None and visit.session.rights.schools:
        raise ChoiceNeededError
    if not visit.may(Action.READ_SCHOOL):
        return await visit.page(TEMPLATE, school=None)
    asked_imports = asyncio.create_task(_imports(visit)) if visit.may(Action.READ_IMPORTS) else None
    waiting, mails, steps = await asyncio.gather(
        _waiting(visit), _mails(visit), setting_up.steps_of(visit, asked_imports)
    )
    found = None if asked_imports is None else await asked_imports
    newest = found.json["imports"] if isinstance(found, Answer) else None
    asked = found if isinstance(found, Down) else list(attention.imports(newest or ()))
    parts = {"Transferts": waiting, "Import SIECLE": asked, "Mails": mails}
    matters = [one for part in parts.values() if not isinstance(part, Down) for one in part]
    if not visit.may(Action.IMPORT):
        matters = [attention.to_read(one) for one in matters]
    return await visit.page(
        TEMPLATE,
        school=visit.session.school,
        last_import=None if newest is None else attention.last_import(newest),
        away=[name for name, part in parts.items() if isinstance(part, Down)],
        matters=matters,
        **steps,
    )


async def _waiting(visit: Visit) -> list[attention.Matter] | Down:
    if visit.uai is None or not visit.may(Action.SEE_TRANSFERS):
        return []
    visit.parts.to_do.forget(visit.uai)
    counts = await visit.parts.to_do.of(visit.uai, visit.calls, BESIDE)
    return Down("transfer") if counts is None else list(attention.waiting(counts))


async def _imports(visit: Visit) -> Answer | Down:
    return await setting_up.ask(visit, "siecle_import", setting_up.IMPORTS, limit=SOME_IMPORTS)


async def _mails(visit: Visit) -> list[attention.Matter] | Down:
    if not visit.may(Action.READ_MAILS):
        return []
    found = await setting_up.ask(visit, "notifier", "mails", state="failed")
    if isinstance(found, Down):
        return found
    page = found.json
    return list(
        attention.mails(len(page["mails"]), more=page["next"] is not None, untold=page["untold"])
    )
