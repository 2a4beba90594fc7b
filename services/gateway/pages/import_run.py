"""One import: how it is read, what it would change, the confirmation, the receipt, its undoing."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.imports import AT_WORK, PATH, STATES, Reading
from services.gateway.web import documents, downloads, frame
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "import-detail.html"
LISTED: Final = 200
"""Learners of a list on a page, as many as the service gives at once."""
SPARABLE: Final = 1_000
"""Learners who can be left out one by one; beyond that the export itself is to be corrected."""
LISTS: Final = {
    "created": "Nouveaux",
    "updated": "Modifiés",
    "reactivated": "Réactivés",
    "deactivated": "Désactivés",
    "spared": "Gardés actifs à la confirmation",
    "planned": "Départs programmés",
    "without_ine": "Sans INE",
    "without_division": "Sans classe",
    "ignored": "Ignorés",
}
"""The lists of an import, each behind a count, as staff call them."""

List = Annotated[str, Path(pattern=f"^({'|'.join(LISTS)})$")]
LEVELS: Final = {
    "refusal": ("refus", "error"),
    "confirmation": ("à confirmer", "warning"),
    "line": ("ligne en erreur", "error"),
    "warning": ("avertissement", "warning"),
}
ERRORS: Final = ("refusal", "line")
KEPT: Final = {
    "transferred": "son dossier a été transféré depuis",
    "changed-since": "sa fiche a changé depuis",
}
WITH_LISTS: Final = ("ready", "confirmed", "applied")


async def _import(visit: Visit, import_id: UUID) -> dict[str, Any]:
    found = await visit.calls.get("siecle_import", f"{visit.school}/imports/{import_id}")
    run: dict[str, Any] = found.json
    return run


@router.get(f"{PATH}/{{import_id}}")
async def show(
    visit: Reading,
    import_id: UUID,
    only_errors: Annotated[bool, Query(alias="erreurs")] = False,  # noqa: FBT002 - a link says so
) -> Response:
    """The import as it stands; `erreurs`: of what was found, the errors only."""
    run = await _import(visit, import_id)
    return await visit.page(TEMPLATE, **await _beside(visit, run), only_errors=only_errors)


@router.get(f"{PATH}/{{import_id}}/avancement")
async def show_progress(visit: Reading, import_id: UUID) -> Response:
    """How far the service is, for the page that asks again and again; then that page is loaded."""
    run = await _import(visit, import_id)
    if run["state"] not in AT_WORK:
        return Response(status_code=204, headers={"HX-Redirect": f"{PATH}/{import_id}"})
    return frame.answer(visit.request, "import-avancement.html", run=run)


async def _beside(visit: Visit, run: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of an import shows with it."""
    leaving, earlier, names = await asyncio.gather(
        _leaving(visit, run),
        _earlier(visit, run),
        visit.names(staff=(run["sent_by"], run["confirmed_by"], run["ended_by"])),
    )
    school = other_school(visit, run)
    return {
        "run": run, "names": names, "states": STATES, "lists": LISTS, "levels": LEVELS,
        "error_levels": ERRORS, "at_work": AT_WORK, "has_lists": run["state"] in WITH_LISTS,
        "leaving": leaving, "earlier": earlier, "other_school": school,
        "imports": visit.may(Action.IMPORT),
        "undoable": run["undoable"] and visit.may(Action.DECIDE),
        "typed": visit.form or {},
    }  # fmt: skip


async def _leaving(visit: Visit, run: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Who would be deactivated, by name: told before the confirmation, to who may confirm."""
    if run["state"] != "ready" or not visit.may(Action.IMPORT):
        return ()
    leaving = await _entries(visit, run["id"], "deactivated", SPARABLE)
    return sorted(leaving, key=lambda one: (one["division"] or "", one["name"] or ""))


async def _entries(
    visit: Visit, import_id: UUID, name: str, at_most: int | None = None
) -> list[Mapping[str, Any]]:
    """A whole list of an import, up to so many."""
    path, after = f"{visit.school}/imports/{import_id}/lists/{name}", -1
    entries: list[Mapping[str, Any]] = []
    while at_most is None or len(entries) < at_most:
        found = await visit.calls.get("siecle_import", path, params={"after": after})
        entries += found.json["entries"]
        if found.json["next"] is None:
            break
        after = found.json["next"]
    return entries


async def _earlier(visit: Visit, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The file that was sent before, if something was found in it: what is corrected since, and
    what is not, stays in view.
    """
    params = {"before": str(run["id"]), "limit": 1}
    found = await visit.calls.get("siecle_import", f"{visit.school}/imports", params=params)
    before: Mapping[str, Any] | None = next(iter(found.json["imports"]), None)
    if before is None or not before["findings"]:
        return None
    now = {group["code"]: group["count"] for group in run["findings"] or ()}
    groups = [{**group, "now": now.get(group["code"], 0)} for group in before["findings"]]
    return {**before, "groups": groups}


def other_school(visit: Visit, run: Mapping[str, Any]) -> Any:
    """The school of the person that a refused file is about, if it is one and he may send it."""
    if not visit.may(Action.IMPORT):
        return None
    said = {group["code"]: group["value"] for group in run["findings"] or ()}
    return visit.session.rights.schools.get(said.get("other_school") or "")


@router.post(f"{PATH}/{{import_id}}/confirmation")
async def confirm(
    visit: Annotated[Visit, Depends(posting(Action.IMPORT))], import_id: UUID
) -> Response:
    """« Confirmer l'import »: what is missing is told at once; pressed twice it is done once."""
    run = await _import(visit, import_id)
    if run["state"] != "ready":
        return await visit.redirect(f"{PATH}/{import_id}")
    errors = _missing(visit, run)
    if errors:
        beside = await _beside(visit, run)
        return await visit.page(TEMPLATE, 422, errors=errors, only_errors=False, **beside)
    body = {
        "confirmations": [one["code"] for one in run["confirmations"]],
        "deactivations": next((o["number"] for o in run["confirmations"] if o["number"]), None),
        "spared": visit.form.getlist("garder") if visit.form else [],
    }
    path = f"{visit.school}/imports/{import_id}/confirm"
    try:
        await visit.calls.change("siecle_import", "POST", path, body)
    except RefusedError as error:
        beside = await _beside(visit, await _import(visit, import_id))
        return await visit.refused(TEMPLATE, error, only_errors=False, **beside)
    return await visit.redirect(f"{PATH}/{import_id}")


def _missing(visit: Visit, run: Mapping[str, Any]) -> dict[str, str]:
    """What must still be confirmed, by field."""
    errors = {}
    for one in run["confirmations"]:
        if one["number"] is None and visit.text(f"ok_{one['code']}") != "oui":
            errors[f"ok_{one['code']}"] = "cochez la case pour confirmer"
        if one["number"] is not None and visit.text("nombre") != str(one["number"]):
            errors["nombre"] = "ce n'est pas le nombre d'élèves qui seraient désactivés"
    return errors


@router.post(f"{PATH}/{{import_id}}/abandon")
async def cancel(
    visit: Annotated[Visit, Depends(posting(Action.IMPORT))], import_id: UUID
) -> Response:
    """Give up an import that waits."""
    path = f"{visit.school}/imports/{import_id}/cancel"
    await visit.calls.change("siecle_import", "POST", path)
    return await visit.redirect(PATH, "L'import est abandonné : la base n'a pas changé.", "info")


@router.get(f"{PATH}/{{import_id}}/listes/{{name}}")
async def show_list(
    visit: Reading,
    import_id: UUID,
    name: List,
    after: Annotated[int, Query(ge=-1, le=1_000_000)] = -1,
) -> Response:
    """The list behind a count."""
    run = await _import(visit, import_id)
    path = f"{visit.school}/imports/{import_id}/lists/{name}"
    found = await visit.calls.get("siecle_import", path, params={"after": after, "limit": LISTED})
    return await visit.page(
        "import-liste.html", run=run, name=name, label=LISTS[name], page=found.json,
        count=(run["counts"] or {}).get(name, 0), states=STATES,
    )  # fmt: skip


@router.get(f"{PATH}/{{import_id}}/listes/{{name}}/liste.csv")
async def download_list(visit: Reading, import_id: UUID, name: List) -> Response:
    """The same list as a table."""
    rows = [
        [
            one["name"], one["ine"], one["division"], one["eleve_id"], one["why"],
            " ; ".join(
                f"{c['label']} : {c['old'] or 'vide'} → {c['new'] or 'vide'}"
                for c in one["changes"]
            ),
        ]
        for one in await _entries(visit, import_id, name)
    ]  # fmt: skip
    headings = ("Nom", "INE", "Classe", "Numéro d'élève", "Motif", "Changements")
    return downloads.table(f"import-{name}.csv", headings, rows)


@router.get(f"{PATH}/{{import_id}}/rapport.csv")
async def download_report(visit: Reading, import_id: UUID) -> Response:
    """All that was said of the file."""
    path = f"{visit.school}/imports/{import_id}/report.csv"
    return documents.passed_on(await visit.calls.get("siecle_import", path))


@router.get(f"{PATH}/{{import_id}}/signalements/{{code}}")
async def show_findings(
    visit: Reading,
    import_id: UUID,
    code: str,
    after: Annotated[int, Query(ge=-1, le=1_000_000)] = -1,
) -> Response:
    """All findings of one kind."""
    run = await _import(visit, import_id)
    path = f"{visit.school}/imports/{import_id}/findings"
    params = {"code": code, "after": after, "limit": LISTED}
    found = await visit.calls.get("siecle_import", path, params=params)
    return await visit.page(
        "import-signalements.html", run=run, code=code, page=found.json, levels=LEVELS
    )


@router.get(f"{PATH}/{{import_id}}/annulation")
async def ask_undo(
    visit: Annotated[Visit, Depends(visiting(Action.DECIDE))], import_id: UUID
) -> Response:
    """What undoing the import would do, and whom it leaves as he is."""
    run = await _import(visit, import_id)
    found = await visit.calls.get("siecle_import", f"{visit.school}/imports/{import_id}/undoing")
    return await visit.page(
        "import-annulation.html", run=run, undoing=found.json, kept=KEPT, lists=LISTS
    )


@router.post(f"{PATH}/{{import_id}}/annulation")
async def undo(
    visit: Annotated[Visit, Depends(posting(Action.DECIDE))], import_id: UUID
) -> Response:
    """Undo the last import."""
    path = f"{visit.school}/imports/{import_id}/undo"
    await visit.calls.change("siecle_import", "POST", path)
    return await visit.redirect(
        f"{PATH}/{import_id}", "L'import est annulé : l'import précédent est de nouveau en vigueur."
    )
