"""One transfer: what happened, and what can still be done about it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain import transfers as words
from services.gateway.pages.transfers.reading import PATH, SERVICE, Json, names_of, read
from services.gateway.parts import runtime_of
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "transferts-un.html"
ONE: Final = f"{PATH}/{{transfer_id}}"


@router.get(ONE)
async def show(
    visit: Annotated[Visit, Depends(visiting(Action.SEE_TRANSFERS))], transfer_id: UUID
) -> Response:
    """The transfer and its timeline."""
    return await visit.page(TEMPLATE, **await _content(visit, transfer_id))


async def _content(visit: Visit, transfer_id: UUID) -> dict[str, Any]:
    story = await read(visit, f"/transfers/{transfer_id}")
    steps = story["steps"]
    names = await names_of(
        visit, (story["transfer"], *(s for s in steps if s["uai"])),
        staff=[step["by_whom"] for step in steps],
    )  # fmt: skip
    now = runtime_of(visit.request).clock.now().isoformat()
    return {
        "transfer": story["transfer"], "steps": steps, "names": names,
        "can": _possible(visit, story["transfer"], steps, now),
        "reasons": list(words.WHY_REVERSED.items()),
    }  # fmt: skip


def _possible(visit: Visit, one: Json, steps: list[Json], now: str) -> Mapping[str, bool]:
    """What may be done about the transfer from this side."""
    reversible = one["reversible_until"] is not None and now <= one["reversible_until"]
    lifted = any(step["what"] == "hold-lifted" for step in steps)
    received = one["direction"] == "received"
    return {
        "reverse": reversible and received and visit.may(Action.REVIEW),
        "ask": reversible
        and not received
        and not one["return_asked_at"]
        and visit.may(Action.DECIDE),
        "decline": bool(one["return_asked_at"])
        and received
        and one["state"] == "closed"
        and visit.may(Action.DECIDE),
        "lift": one["state"] == "reversed" and not lifted and visit.may(Action.REVIEW),
    }


@router.post(f"{ONE}/annulation")
async def reverse(
    visit: Annotated[Visit, Depends(posting(Action.REVIEW))], transfer_id: UUID
) -> Response:
    """Take the transfer back: the records return, but for those changed since."""
    told = "Le transfert est annulé : le dossier repart vers l’établissement d’origine."
    return await _with_reason(visit, transfer_id, "reversal", told)


@router.post(f"{ONE}/retour")
async def ask_return(
    visit: Annotated[Visit, Depends(posting(Action.DECIDE))], transfer_id: UUID
) -> Response:
    """Ask the receiving school to take the transfer back."""
    told = "Le retour est demandé : l’établissement d’accueil le voit et décide."
    return await _with_reason(visit, transfer_id, "return", told)


async def _with_reason(visit: Visit, transfer_id: UUID, act: str, told: str) -> Response:
    because = visit.text("motif")
    if because not in words.WHY_REVERSED:
        wrong = {"motif": "choisissez un motif"}
        content = await _content(visit, transfer_id)
        return await visit.page(TEMPLATE, 422, errors=wrong, **content)
    return await _act(visit, transfer_id, "POST", act, told, {"because": because})


@router.post(f"{ONE}/retour-refuse")
async def decline_return(
    visit: Annotated[Visit, Depends(posting(Action.DECIDE))], transfer_id: UUID
) -> Response:
    """Decline to give the records back."""
    told = "Votre refus est enregistré : le dossier reste dans votre établissement."
    return await _act(visit, transfer_id, "DELETE", "return", told)


@router.post(f"{ONE}/interdiction-levee")
async def lift_hold(
    visit: Annotated[Visit, Depends(posting(Action.REVIEW))], transfer_id: UUID
) -> Response:
    """Let records move again between the two learners."""
    told = "L’interdiction est levée : le dossier peut de nouveau suivre entre ces deux fiches."
    return await _act(visit, transfer_id, "DELETE", "hold", told)


async def _act(
    visit: Visit, transfer_id: UUID, method: str, act: str, told: str, body: Any = None
) -> Response:
    path = f"{visit.school}/transfers/{transfer_id}/{act}"
    try:
        await visit.calls.change(SERVICE, method, path, body)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit, transfer_id))
    return await visit.redirect(f"{PATH}/{transfer_id}", told)
