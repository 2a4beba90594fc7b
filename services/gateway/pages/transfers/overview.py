"""« Transferts »: the switch with what it means, what is to do, and the three lists."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain import by_hand
from services.gateway.domain.names import Names
from services.gateway.pages.transfers.reading import PATH, SERVICE, Json, by_name, names_of, read
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "transferts.html"
SHOWN: Final = 10
"""How many lines of a list stand here; the rest has its own page."""

PAGE: Final = 50


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.SEE_TRANSFERS))]) -> Response:
    """The tab."""
    return await visit.page(TEMPLATE, **await _content(visit))


@router.post(f"{PATH}/activation")
async def switch(visit: Annotated[Visit, Depends(posting(Action.SWITCH_TRANSFERS))]) -> Response:
    """Set the switch."""
    active = visit.text("actif") == "oui"
    path = f"{visit.school}/participation"
    try:
        await visit.calls.change(
            SERVICE, "PUT", path, {"active": active}, etag=visit.text("version")
        )
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit))
    told = (
        "Le transfert est activé : ce qui attendait part et arrive maintenant."
        if active
        else "Le transfert est désactivé : rien ne part ni n’arrive plus."
    )
    return await visit.redirect(PATH, told)


async def _content(visit: Visit) -> dict[str, Any]:
    own, *lists = await asyncio.gather(
        visit.calls.get(SERVICE, f"{visit.school}/participation"),
        read(visit, "/overview"),
        read(visit, "/participation/history"),
        read(visit, "/departures", by_itself=True, limit=PAGE),
        read(visit, "/departures", by_itself=False, limit=PAGE),
        read(visit, "/transfers", limit=SHOWN),
        read(visit, "/offers/received", limit=PAGE),
    )
    overview, history, leaving, hand, moved, inbox = lists
    arrivals, effect = overview["arrivals"], overview["effect"]
    rows = (*leaving["departures"], *hand["departures"], *arrivals, *moved["transfers"])
    names = await names_of(visit, rows, staff=[one["changed_by"] for one in history])
    waiting = effect["leaving"] + effect["coming"] or len(leaving["departures"]) + len(arrivals)
    return {
        "active": own.json["active"], "since": own.json["since"], "version": own.etag,
        "effect": effect, "history": history, "waiting": waiting, "names": names,
        "leaving": by_name(leaving["departures"], names)[:SHOWN],
        "more_leaving": bool(leaving["next"]) or len(leaving["departures"]) > SHOWN,
        "arrivals": by_name(arrivals, names)[:SHOWN], "more_arrivals": len(arrivals) > SHOWN,
        "by_hand": by_name(hand["departures"], names), "more_by_hand": hand["next"],
        "divisions": divisions(hand["departures"], names), "at_once": by_hand.AT_ONCE,
        "moved": moved["transfers"], "more_moved": moved["next"],
        "inbox": len(inbox["offers"]), "reviews": overview["reviews"],
        "may_switch": visit.may(Action.SWITCH_TRANSFERS),
        "may_offer": visit.may(Action.TRANSFER_BY_HAND),
    }  # fmt: skip


def divisions(rows: Sequence[Json], names: Names) -> list[tuple[str, str]]:
    """The classes of the learners of a list, to choose one; empty when there is none."""
    found = sorted({names.division(row["pupil_id"]) for row in rows} - {""})
    return [("", "Aucune classe"), *((one, one) for one in found)] if found else []
