"""« Apprenants »: the learners of the school, searched and listed, as a table too; a new one.

Names and INE are asked for by POST: addresses hold filters that are about nobody.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain import french
from services.gateway.pages.imports import AT_WORK, STATES, last_import
from services.gateway.web import downloads
from services.gateway.web.sorting import Heading, heading
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/apprenants"
TEMPLATE: Final = "apprenants.html"
STATE_OPTIONS: Final = (("actifs", "Inscrits"), ("partis", "Partis"), ("tous", "Tous"))
SOURCES: Final = {"siecle": "SIECLE", "csv": "tableau", "hand": "saisie"}
SOURCE_OPTIONS: Final = (
    ("", "Toutes"), ("siecle", "SIECLE"), ("csv", "Tableau (hors SIECLE)"),
    ("hand", "Saisie (hors SIECLE)"),
)  # fmt: skip
INE_OPTIONS: Final = (("", "Avec ou sans INE"), ("sans", "Sans INE seulement"))
ORDERS: Final = {"nom": "name", "classe": "division", "etat": "state"}
"""What the list is sorted by, as addresses and the pupil base call it."""
HEADINGS: Final = {
    "Nom": "nom", "Né(e) le": "", "Classe": "classe", "INE": "", "État": "etat",
}  # fmt: skip
"""The columns of the list, and the order that each stands for."""

_ACTIVE: Final = {"actifs": True, "partis": False}

Reading = Annotated[Visit, Depends(visiting(Action.READ_PUPILS))]


async def filters(
    etat: Annotated[str, Query(max_length=10)] = "actifs",
    classe: Annotated[str, Query(max_length=60)] = "",
    origine: Annotated[str, Query(max_length=10)] = "",
    ine: Annotated[str, Query(max_length=10)] = "",
    tri: Annotated[str, Query(max_length=10)] = "",
) -> dict[str, str]:
    """What the list is limited to and sorted by (`-` before it: the other way round), from the
    address.
    """
    return {"etat": etat, "classe": classe.strip(), "origine": origine, "ine": ine, "tri": tri}


Filters = Annotated[dict[str, str], Depends(filters)]


def question(chosen: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """The filters as the pupil base is asked."""
    wanted = {
        "active": _ACTIVE.get(chosen["etat"]),
        "division": chosen["classe"] or None,
        "source": chosen["origine"] if chosen["origine"] in SOURCES else None,
        "without_ine": chosen["ine"] == "sans",
        "order": ORDERS.get(chosen["tri"].removeprefix("-")),
        "descending": chosen["tri"].startswith("-"),
    }
    return {name: value for name, value in (wanted | more).items() if value not in (None, "")}


async def found_by(visit: Visit, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """A page of learners."""
    found = await visit.calls.search("siecle_import", f"{visit.school}/pupils/search", asked)
    page: Mapping[str, Any] = found.json
    return page


@router.get(PATH)
async def show(visit: Reading, chosen: Filters, suite: UUID | None = None) -> Response:
    """The list, with filters."""
    page = await found_by(visit, question(chosen, after=suite and str(suite)))
    following = page["next"] and f"{PATH}?{urlencode({**chosen, 'suite': page['next']})}"
    return await visit.page(
        TEMPLATE, **await _beside(visit, page, chosen), following=following or "",
        first=f"{PATH}?{urlencode(chosen)}" if suite else "", searched={},
        headings=_headings(chosen),
    )  # fmt: skip


@router.post(PATH)
async def search(visit: Annotated[Visit, Depends(posting(Action.READ_PUPILS))]) -> Response:
    """Learners by their name or INE, among all of the school."""
    chosen = {"etat": "tous", "classe": "", "origine": "", "ine": "", "tri": ""}
    searched = {"nom": visit.text("nom"), "ine_cherche": visit.text("ine_cherche")}
    asked = question(
        chosen, name=searched["nom"], ine=searched["ine_cherche"], after=visit.text("suite")
    )
    try:
        page = await found_by(visit, asked)
    except RefusedError as error:
        error.fields = {"ine_cherche" if n == "ine" else n: m for n, m in error.fields.items()}
        empty: Mapping[str, Any] = {"pupils": [], "next": None}
        beside = await _beside(visit, empty, chosen)
        return await visit.refused(
            TEMPLATE, error, **beside, following="", first="", searched=searched,
            headings=list(HEADINGS),
        )  # fmt: skip
    return await visit.page(
        TEMPLATE, **await _beside(visit, page, chosen), following="", first="", searched=searched,
        headings=list(HEADINGS),
    )  # fmt: skip


def _headings(chosen: Mapping[str, str]) -> list[str | Heading]:
    """The headings of the list; a search is listed by name only."""
    sorted_by = chosen["tri"] if chosen["tri"].removeprefix("-") in ORDERS else "nom"
    return [
        heading(label, name, sorted_by, PATH, chosen) if name else label
        for label, name in HEADINGS.items()
    ]


async def _beside(
    visit: Visit, page: Mapping[str, Any], chosen: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "page": page, "chosen": chosen, "sources": SOURCES, "state_options": STATE_OPTIONS,
        "source_options": SOURCE_OPTIONS, "ine_options": INE_OPTIONS, "filters": urlencode(chosen),
        "last": await last_import(visit), "states": STATES, "at_work": AT_WORK,
        "imports": visit.may(Action.IMPORT),
        "editable": visit.may(Action.EDIT_PUPILS), "decides": visit.may(Action.DECIDE),
    }  # fmt: skip


@router.get(f"{PATH}/liste.csv")
async def download(visit: Reading, chosen: Filters) -> Response:
    """The list as a table."""
    rows: list[list[object]] = []
    after = None
    while True:
        page = await found_by(visit, question(chosen, after=after))
        rows += [_row(one) for one in page["pupils"]]
        after = page["next"]
        if after is None:
            break
    headings = (
        "Nom", "Nom d'usage", "Prénom", "Né(e) le", "INE", "Classe", "MEF", "État", "Depuis",
        "Origine",
    )  # fmt: skip
    return downloads.table("apprenants.csv", headings, rows)


def _row(one: Mapping[str, Any]) -> list[object]:
    ines = " ".join(one[shape] for shape in ("rnie", "bea", "ina") if one[shape])
    return [
        one["family_name"], one["usage_name"], one["first_name"], one["birth_date"], ines,
        one["division"], one["mef"], "inscrit" if one["active"] else one["why"],
        french.iso_day(one["since"]), SOURCES[one["source"]],
    ]  # fmt: skip
