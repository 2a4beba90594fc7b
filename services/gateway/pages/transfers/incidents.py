"""Incidents: the records of another person were in a school between two moments. For the heads of
both schools and their data protection officers (people.md, « Families »), to be printed.
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.pages.transfers.reading import PATH, names_of, read
from services.gateway.web import frame
from services.gateway.web.errors import NOT_FOUND
from services.gateway.web.visit import Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

INCIDENTS: Final = f"{PATH}/incidents"
Head = Annotated[Visit, Depends(visiting(Action.HANDLE_DATA))]


@router.get(INCIDENTS)
async def show_all(visit: Head) -> Response:
    """All incidents of the school."""
    incidents = await read(visit, "/incidents")
    return await visit.page(
        "transferts-incidents.html", incidents=incidents, names=await names_of(visit, incidents)
    )


@router.get(f"{INCIDENTS}/{{transfer_id}}")
async def show(
    visit: Head, transfer_id: UUID, after: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
) -> Response:
    """One incident, with who has looked while the records were there, page by page."""
    found = [
        one for one in await read(visit, "/incidents") if one["transfer_id"] == str(transfer_id)
    ]
    if not found:
        return frame.answer(visit.request, "erreur.html", 404, told=NOT_FOUND)
    [incident] = found
    span = {"since": incident["since"], "until": incident["until"]}
    params = span if after is None else {**span, "after": after}
    path = f"{visit.school}/transfers/{transfer_id}/looks"
    looks = await visit.part(visit.calls.get("dossier", path, params=params))
    told = getattr(looks, "json", {"looks": []})
    names = await names_of(visit, found, staff=[one["viewer"] for one in told["looks"]])
    return await visit.page(
        "transferts-incident.html", incident=incident, looks=looks, names=names, after=after
    )
