"""Learners outside SIECLE: entered, changed, gone, back. (Those of SIECLE are corrected there.)"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.pupils import PATH
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "apprenant-saisie.html"
LABELS: Final = {
    "family_name": "Nom de famille",
    "usage_name": "Nom d'usage",
    "first_name": "Prénom",
    "birth_date": "Date de naissance",
    "ine": "INE",
    "sex": "Sexe",
    "status": "Statut",
    "mef": "Formation (MEF, 11 caractères)",
    "division": "Classe",
    "entry_date": "Date d'entrée",
    "on": "Date de sortie",
    "reason": "Motif de sortie",
}
FIELDS: Final = (
    "family_name", "usage_name", "first_name", "birth_date", "sex", "status", "mef", "division",
    "entry_date",
)  # fmt: skip
MANDATORY: Final = ("family_name", "first_name", "birth_date")
SEXES: Final = (("", "Non précisé"), ("F", "Féminin"), ("M", "Masculin"))
STATUSES: Final = (("", "Non précisé"), ("AP", "Apprenti"), ("ST", "Scolaire"))

Editing = Annotated[Visit, Depends(visiting(Action.EDIT_PUPILS))]
Posting = Annotated[Visit, Depends(posting(Action.EDIT_PUPILS))]


def _page(learner: Mapping[str, Any], version: str, pupil_id: UUID | None) -> dict[str, Any]:
    """The form; of who has left SIECLE only the INE can be corrected."""
    return {
        "learner": learner, "version": version, "pupil_id": pupil_id, "labels": LABELS,
        "sexes": SEXES, "statuses": STATUSES,
        "ine_only": pupil_id is not None and learner.get("source") == "siecle",
    }  # fmt: skip


def _typed(visit: Visit) -> dict[str, Any]:
    return {name: visit.text(name) for name in FIELDS} | {"ine": visit.text("ine")}


def _body(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as the pupil base takes it; errors are told for what is missing."""
    told = {name: typed[name] for name in FIELDS if typed[name] or name in MANDATORY}
    return {**told, "ine": typed["ine"].split()}


def _missing(typed: Mapping[str, Any]) -> dict[str, str]:
    return {name: "à renseigner" for name in MANDATORY if not typed[name]}


@router.get(f"{PATH}/nouveau")
async def show_new(visit: Editing) -> Response:
    """An empty form."""
    empty = dict.fromkeys((*FIELDS, "ine"), "")
    return await visit.page(TEMPLATE, **_page(empty, "", None))


@router.post(f"{PATH}/nouveau")
async def enter(visit: Posting) -> Response:
    """Enter a learner outside SIECLE."""
    typed = _typed(visit)
    if errors := _missing(typed):
        return await visit.page(TEMPLATE, 422, errors=errors, **_page(typed, "", None))
    path = f"{visit.school}/pupils"
    try:
        made = await visit.calls.create("siecle_import", path, _body(typed), key=visit.text("key"))
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **_page(typed, "", None))
    return await visit.redirect(f"{PATH}/{made.json['id']}", "L'apprenant est enregistré.")


async def _learner(visit: Visit, pupil_id: UUID) -> tuple[dict[str, Any], str]:
    """The learner with his INE as they are typed, and his version."""
    found = await visit.calls.get("siecle_import", f"{visit.school}/pupils/{pupil_id}")
    held = (found.json[shape] for shape in ("rnie", "bea", "ina"))
    return {**found.json, "ine": "\n".join(ine for ine in held if ine)}, found.etag


@router.get(f"{PATH}/{{pupil_id}}/fiche")
async def show_form(visit: Editing, pupil_id: UUID) -> Response:
    """The card of a learner, to be changed."""
    learner, version = await _learner(visit, pupil_id)
    return await visit.page(TEMPLATE, **_page(learner, version, pupil_id))


@router.post(f"{PATH}/{{pupil_id}}/fiche")
async def change(visit: Posting, pupil_id: UUID) -> Response:
    """« Enregistrer »: the whole card, or the INE of who has left SIECLE."""
    learner, now = await _learner(visit, pupil_id)
    typed, version = _typed(visit), visit.text("version")
    if learner["source"] == "siecle":
        typed = {**{name: learner[name] for name in FIELDS}, "ine": typed["ine"]}
    shown = _page({**learner, **typed}, version, pupil_id)
    if errors := _missing(typed):
        return await visit.page(TEMPLATE, 422, errors=errors, **shown)
    path = f"{visit.school}/pupils/{pupil_id}"
    try:
        await visit.calls.change("siecle_import", "PUT", path, _body(typed), etag=version)
    except RefusedError as error:
        shown["version"] = visit.version_after(error, now)
        return await visit.refused(TEMPLATE, error, **shown)
    return await visit.redirect(f"{PATH}/{pupil_id}", "La fiche est enregistrée.")


@router.get(f"{PATH}/{{pupil_id}}/depart")
async def ask_departure(visit: Editing, pupil_id: UUID) -> Response:
    """When a learner outside SIECLE has left."""
    learner, version = await _learner(visit, pupil_id)
    return await visit.page("apprenant-depart.html", **_leaving(learner, version, {}))


@router.post(f"{PATH}/{{pupil_id}}/depart")
async def leave(visit: Posting, pupil_id: UUID) -> Response:
    """Deactivate a learner outside SIECLE."""
    typed = {"on": visit.text("on"), "reason": visit.text("reason")}
    path = f"{visit.school}/pupils/{pupil_id}/departure"
    body = {name: value for name, value in typed.items() if value}
    try:
        await visit.calls.change("siecle_import", "POST", path, body, etag=visit.text("version"))
    except RefusedError as error:
        learner, now = await _learner(visit, pupil_id)
        if not typed["on"]:
            error.fields["on"] = "à renseigner"
        shown = _leaving(learner, visit.version_after(error, now), typed)
        return await visit.refused("apprenant-depart.html", error, **shown)
    told = "L'apprenant est désactivé : ses données peuvent le suivre."
    return await visit.redirect(f"{PATH}/{pupil_id}", told)


def _leaving(learner: Mapping[str, Any], version: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    return {"learner": learner, "version": version, "typed": typed, "labels": LABELS}


@router.post(f"{PATH}/{{pupil_id}}/retour")
async def come_back(visit: Posting, pupil_id: UUID) -> Response:
    """Reactivate a learner who has left, outside SIECLE."""
    path = f"{visit.school}/pupils/{pupil_id}/return"
    await visit.calls.change("siecle_import", "POST", path, etag=visit.text("version"))
    return await visit.redirect(f"{PATH}/{pupil_id}", "L'apprenant est de nouveau inscrit.")
