"""« Modules »: which modules of the application are on for the school, with their options."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import Answer, RefusedError
from services.gateway.domain.french import number
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/modules"
TEMPLATE: Final = "modules.html"
ON: Final = "oui"

Values = Mapping[str, Any]


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]) -> Response:
    """The catalogue, with what holds for the school."""
    found = await visit.calls.get("etablissement", f"{visit.school}/modules")
    values = dict(_in_force(found.json["modules"]))
    return await visit.page(TEMPLATE, **await _page(visit, found, values, found.etag))


@router.post(PATH)
async def save(visit: Annotated[Visit, Depends(posting(Action.EDIT_SCHOOL))]) -> Response:
    """« Valider »: all modules and options at once."""
    path, etag = f"{visit.school}/modules", visit.text("version")
    found = await visit.calls.get("etablissement", path)
    modules = found.json["modules"]
    body = {"modules": {key: _wanted(visit, key, one) for key, one in modules.items()}}
    try:
        await visit.calls.change("etablissement", "PUT", path, body, etag=etag)
    except RefusedError as error:
        error.fields = {_flat(name): message for name, message in error.fields.items()}
        typed = {name: _typed(visit, name, value) for name, value in _in_force(modules)}
        now = await visit.calls.get("etablissement", path)
        shown = await _page(visit, now, typed, visit.version_after(error, now.etag))
        return await visit.refused(TEMPLATE, error, **shown)
    return await visit.redirect(PATH, "Les modules et leurs options sont enregistrés.")


@router.get(f"{PATH}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))],
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Who has changed which modules, page by page."""
    params = {} if before is None else {"before": before}
    path = f"{visit.school}/modules"
    found = await visit.calls.get("etablissement", path)
    told = await visit.calls.get("etablissement", f"{path}/history", params=params)
    return await visit.page(
        "modules-historique.html",
        changes=_told(told.json["changes"], found.json["modules"]),
        following=told.json["next"],
    )


def _in_force(modules: Values) -> Iterator[tuple[str, Any]]:
    """The name of each field of the form with the value that holds for the school."""
    for key, module in modules.items():
        yield key, module["on"]
        for option, held in module["options"].items():
            yield f"{key}-{option}", held["value"]


def _typed(visit: Visit, name: str, like: Any) -> Any:
    """What the form holds of a field; `like` is a value of its kind."""
    text = visit.text(name)
    return text == ON if isinstance(like, bool) else text


def _wanted(visit: Visit, key: str, module: Values) -> dict[str, Any]:
    """A module as the form wants it."""
    options = {
        option: _of_kind(_typed(visit, f"{key}-{option}", held["value"]), held["about"]["type"])
        for option, held in module["options"].items()
    }
    return {"on": visit.text(key) == ON, "options": options}


def _of_kind(value: Any, kind: str) -> Any:
    """The value of an option; what is no number is left for the service to refuse."""
    if kind == "integer" and value.isascii() and value.isdigit() and len(value) < len("1 000 000"):
        return int(value)
    return value


def _flat(field: str) -> str:
    """The name of the form's field: `modules.pfmp.options.rappel` is `pfmp-rappel` there."""
    _, key, *rest = [*field.split("."), ""]
    return f"{key}-{rest[1]}" if rest[0] == "options" and rest[1] else key


async def _page(visit: Visit, found: Answer, values: Values, etag: str) -> dict[str, Any]:
    """What the page shows; the history may be missing for a while."""
    path, modules = f"{visit.school}/modules/history", found.json["modules"]
    history = await visit.part(visit.calls.get("etablissement", path, params={"limit": 10}))
    return {
        "modules": modules, "values": values, "version": etag, "labels": _labels(modules),
        "defaults": dict(_defaults(modules)), "history": history,
        "changes": _told(getattr(history, "json", {}).get("changes", ()), modules),
        "editable": visit.may(Action.EDIT_SCHOOL),
    }  # fmt: skip


def _labels(modules: Values) -> dict[str, str]:
    return {key: one["label"] for key, one in modules.items()} | {
        f"{key}-{option}": f"{one['label']} – {held['about']['label']}"
        for key, one in modules.items()
        for option, held in one["options"].items()
    }


def _defaults(modules: Values) -> Iterator[tuple[str, str]]:
    """What holds in a school that has not decided, in words, by the field of the form."""
    for key, module in modules.items():
        yield key, "activé" if module["default"] else "désactivé"
        for option, held in module["options"].items():
            yield f"{key}-{option}", _in_words(held["about"])


def _in_words(about: Values) -> str:
    default = about["default"]
    match about["type"]:
        case "bool":
            return "oui" if default else "non"
        case "choice":
            return str(about["choices"][default]).lower()
        case "integer":
            bounds = f"de {number(about['minimum'])} à {number(about['maximum'])}"
            return f"{number(default)} ({bounds})"
    return f"« {default} »" if default else "rien"


def _told(changes: Sequence[Values], modules: Values) -> list[dict[str, Any]]:
    """Changes with the names of the modules; one that has left the catalogue has its key."""
    return [
        {**one, "places": [modules.get(key, {}).get("label", key) for key in _keys(one["fields"])]}
        for one in changes
    ]


def _keys(fields: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(field.split(".")[0] for field in fields))
