"""« Accès inspecteur »: a line and a switch a diploma (guide), its history, and who has looked."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain import french, inspection
from services.gateway.web.downloads import table
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/acces-inspecteur"
SERVICE: Final = "inspector_access"
TEMPLATE: Final = "acces-inspecteur.html"
MOST_PAGES: Final = 40
"""How many pages of looks go into a download."""

Diploma = Annotated[str, Path(max_length=30, pattern=r"^[A-Z0-9][A-Z0-9._-]*$")]
Head = Annotated[Visit, Depends(visiting(Action.HANDLE_DATA))]


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.SEE_INSPECTORS))]) -> Response:
    """The lines."""
    return await visit.page(TEMPLATE, **await _content(visit))


async def _content(visit: Visit) -> dict[str, Any]:
    found = await visit.calls.get(SERVICE, f"{visit.school}/inspector-access")
    return {
        "lines": found.json["lines"], "other_mefs": found.json["other_mefs"],
        "may_switch": visit.may(Action.SWITCH_INSPECTORS),
        "may_see_looks": visit.may(Action.HANDLE_DATA),
    }  # fmt: skip


@router.post(f"{PATH}/{{diploma}}")
async def switch(
    visit: Annotated[Visit, Depends(posting(Action.SWITCH_INSPECTORS))], diploma: Diploma
) -> Response:
    """Open or close a diploma to its referents, who are told by mail."""
    active = visit.text("actif") == "oui"
    path = f"{visit.school}/inspector-access/{diploma}"
    try:
        line = await visit.calls.change(
            SERVICE, "PUT", path, {"active": active}, etag=visit.text("version")
        )
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _content(visit))
    return await visit.redirect(PATH, _told(line.json))


def _told(line: Mapping[str, Any]) -> str:
    state = "ouvert" if line["active"] else "fermé"
    mailed = french.count(
        len(line["referents"]),
        "inspecteur est prévenu par mail",
        "inspecteurs sont prévenus par mail",
    )
    who = mailed if line["referents"] else "personne n’est encore prévenu"
    return f"{line['label']} : accès {state} ; {who}."


@router.get(f"{PATH}/consultations")
async def show_looks(
    visit: Head, before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
) -> Response:
    """What inspectors have looked at in the last 12 months, for the head."""
    page = await _looks(visit, before)
    names = await _names(visit, page["looks"])
    return await visit.page(
        "acces-inspecteur-consultations.html",
        looks=page["looks"], next=page["next"], before=before, names=names,
        looked=inspection.LOOKED,
    )  # fmt: skip


@router.get(f"{PATH}/consultations.csv")
async def download_looks(visit: Head) -> Response:
    """The same as a table."""
    looks: list[Mapping[str, Any]] = []
    before: int | None = None
    for _ in range(MOST_PAGES):
        page = await _looks(visit, before)
        looks += page["looks"]
        before = page["next"]
        if before is None:
            break
    names = await _names(visit, looks)
    rows = [
        (
            french.moment(look["at"]), look["inspector_name"], look["label"] or look["diploma"],
            inspection.LOOKED[look["what"]],
            names.learner(look["pupil_id"]) if look["pupil_id"] else "",
        )
        for look in looks
    ]  # fmt: skip
    headings = ("Date", "Inspecteur", "Diplôme", "Ce qui a été consulté", "Apprenant")
    return table("consultations-inspecteurs.csv", headings, rows)


async def _looks(visit: Visit, before: int | None) -> Any:
    params = {} if before is None else {"before": before}
    path = f"{visit.school}/inspector-access/log"
    return (await visit.calls.get(SERVICE, path, params=params)).json


async def _names(visit: Visit, looks: list[Mapping[str, Any]]) -> Any:
    return await visit.names(learners=[look["pupil_id"] for look in looks])


@router.get(f"{PATH}/{{diploma}}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.SEE_INSPECTORS))], diploma: Diploma
) -> Response:
    """All that has happened to a switch."""
    path = f"{visit.school}/inspector-access/{diploma}"
    history = (await visit.calls.get(SERVICE, f"{path}/history")).json
    try:
        label = (await visit.calls.get(SERVICE, path)).json["label"]
    except RefusedError:  # not subscribed any more: its history stays
        label = diploma
    staff = [change["changed_by"] for change in history]
    names = await visit.names(staff=staff)
    return await visit.page(
        "acces-inspecteur-historique.html",
        label=label, history=history, because=inspection.BECAUSE, names=names,
    )  # fmt: skip
