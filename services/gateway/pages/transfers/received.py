"""Offers received by hand: who it is, who of ours may be he; attach, create, or refuse."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain import transfers as words
from services.gateway.domain.names import full_name
from services.gateway.pages.transfers.reading import PATH, SERVICE, After, names_of, read
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

INBOX: Final = f"{PATH}/propositions"
TEMPLATE: Final = "transferts-proposition.html"
Writer = Annotated[Visit, Depends(posting(Action.TRANSFER_BY_HAND))]


@router.get(INBOX)
async def show_inbox(
    visit: Annotated[Visit, Depends(visiting(Action.SEE_TRANSFERS))], after: After = None
) -> Response:
    """The offers that wait for this school's answer."""
    page = await read(visit, "/offers/received", after=after)
    names = await names_of(visit, page["offers"])
    return await visit.page(
        "transferts-propositions.html",
        offers=page["offers"], next=page["next"], after=after, names=names,
        may_answer=visit.may(Action.TRANSFER_BY_HAND),
    )  # fmt: skip


@router.get(f"{INBOX}/{{transfer_id}}")
async def show(
    visit: Annotated[Visit, Depends(visiting(Action.TRANSFER_BY_HAND))], transfer_id: UUID
) -> Response:
    """One offer: the identity by ticket (the look is logged), suggestions, and the answers."""
    return await visit.page(TEMPLATE, **await _content(visit, transfer_id))


async def _content(visit: Visit, transfer_id: UUID) -> dict[str, Any]:
    learner, suggested = await asyncio.gather(
        _with_ticket(visit, transfer_id, "identity", "learner"),
        _with_ticket(visit, transfer_id, "suggest", "suggestions"),
    )
    return {
        "id": transfer_id, "learner": learner, "suggestions": suggested["suggestions"],
        "full_name": full_name, "reasons": list(words.WHY_REFUSED.items()),
    }  # fmt: skip


async def _ticket(visit: Visit, transfer_id: UUID, purpose: str) -> str:
    path = f"{visit.school}/offers/{transfer_id}/ticket/{purpose}"
    return str((await visit.calls.change(SERVICE, "POST", path)).json["ticket"])


async def _with_ticket(visit: Visit, transfer_id: UUID, purpose: str, path: str) -> Any:
    headers = {"Cpro-Ticket": await _ticket(visit, transfer_id, purpose)}
    path = f"{visit.school}/offers/{transfer_id}/{path}"
    return (await visit.calls.get("siecle_import", path, headers=headers)).json


@router.post(f"{INBOX}/{{transfer_id}}/rattachement")
async def attach(visit: Writer, transfer_id: UUID) -> Response:
    """The records go to a learner whom the school has."""
    try:
        pupil = UUID(visit.text("apprenant"))
    except ValueError:
        wrong = {"apprenant": "choisissez un apprenant, ou créez-le"}
        content = await _content(visit, transfer_id)
        return await visit.page(TEMPLATE, 422, errors=wrong, **content)
    return await _accept(visit, transfer_id, str(pupil))


@router.post(f"{INBOX}/{{transfer_id}}/creation")
async def create(visit: Writer, transfer_id: UUID) -> Response:
    """The school does not have the learner: he is created, and the records go to him."""
    path = f"{visit.school}/offers/{transfer_id}/learner"
    ticket = await _ticket(visit, transfer_id, "create")
    try:
        made = await visit.calls.change("siecle_import", "POST", path, ticket=ticket)
    except RefusedError as error:
        error.fields.pop("pupil_id", None)  # an id, which says nothing to people
        return await visit.refused(TEMPLATE, error, **await _content(visit, transfer_id))
    return await _accept(visit, transfer_id, made.json["id"])


async def _accept(visit: Visit, transfer_id: UUID, pupil: str) -> Response:
    path = f"{visit.school}/offers/{transfer_id}/acceptance"
    try:
        await visit.calls.change(SERVICE, "POST", path, {"pupil_id": pupil})
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit, transfer_id))
    return await visit.redirect(
        f"{PATH}/{transfer_id}", "La proposition est acceptée : le dossier arrive."
    )


@router.post(f"{INBOX}/{{transfer_id}}/refus")
async def refuse(visit: Writer, transfer_id: UUID) -> Response:
    """Refuse, with a reason of the list."""
    because = visit.text("motif")
    if because not in words.WHY_REFUSED:
        wrong = {"motif": "choisissez un motif"}
        content = await _content(visit, transfer_id)
        return await visit.page(TEMPLATE, 422, errors=wrong, **content)
    path = f"{visit.school}/offers/{transfer_id}/refusal"
    await visit.calls.change(SERVICE, "POST", path, {"because": because})
    return await visit.redirect(
        INBOX, "La proposition est refusée : l’établissement d’origine le voit."
    )
