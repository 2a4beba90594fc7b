"""« Apprentis »: whom apprentices can turn to; the school, DREETS, MCPFA, GRETA and CFA."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.french import telephone
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/apprentis"
TEMPLATE: Final = "apprentis.html"
FIELDS: Final = {
    "name": "Nom",
    "address": "Adresse",
    "postcode": "Code postal",
    "town": "Ville",
    "phone": "Téléphone",
    "email": "Adresse électronique",
}
SINGLE: Final = {"school": "Établissement", "dreets": "DREETS", "mcpfa": "MCPFA"}
EMPTY: Final[Mapping[str, Any]] = dict.fromkeys(FIELDS, "") | {"address": []}
MOST_CENTRES: Final = 50

Contact = dict[str, Any]
Contacts = dict[str, Any]


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]) -> Response:
    """The contacts, each with its form."""
    found = await visit.calls.get("etablissement", f"{visit.school}/contacts")
    return await visit.page(TEMPLATE, **await _page(visit, found.json, found.etag))


@router.post(PATH)
async def save(visit: Annotated[Visit, Depends(posting(Action.EDIT_SCHOOL))]) -> Response:
    """« Valider »; « Ajouter un GRETA ou CFA » gives one more empty form and saves nothing yet."""
    etag, typed = visit.text("version"), _typed(visit)
    if visit.text("act") == "add":
        more = {**typed, "centres": [*typed["centres"], {**EMPTY}]}
        return await visit.page(TEMPLATE, **{**await _page(visit, more, etag), "added": True})
    body = {**typed, "centres": [_sent(one) for one in typed["centres"] if not one["removed"]]}
    path = f"{visit.school}/contacts"
    try:
        await visit.calls.change("etablissement", "PUT", path, body, etag=etag)
    except RefusedError as error:
        error.fields = dict(_wrong(error.fields))
        now = await visit.calls.get("etablissement", path)
        shown = await _page(visit, body, visit.version_after(error, now.etag))
        return await visit.refused(TEMPLATE, error, **shown)
    return await visit.redirect(PATH, "Les contacts des apprentis sont enregistrés.")


@router.get(f"{PATH}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))],
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Who has changed which contacts, page by page."""
    params = {} if before is None else {"before": before}
    path = f"{visit.school}/contacts/history"
    found = await visit.calls.get("etablissement", path, params=params)
    return await visit.page(
        "apprentis-historique.html",
        changes=_told(found.json["changes"]),
        following=found.json["next"],
    )


def _typed(visit: Visit) -> Contacts:
    """What the form holds; GRETA and CFA that were left empty are left out."""
    names = [] if visit.form is None else visit.form.keys()
    numbers = sorted({int(found[1]) for key in names if (found := _CENTRE.match(key))})
    centres = [
        {**_contact(visit, f"centres-{n}"), "removed": visit.text(f"centres-{n}-remove") == "oui"}
        for n in numbers[:MOST_CENTRES]
    ]
    return {
        **{name: _contact(visit, name) for name in SINGLE},
        "centres": [one for one in centres if any(one[field] for field in FIELDS)],
    }


_CENTRE: Final = re.compile(r"centres-([0-9]{1,3})-name$")


def _contact(visit: Visit, prefix: str) -> Contact:
    typed: Contact = {field: visit.text(f"{prefix}-{field}") for field in FIELDS}
    return {**typed, "address": typed["address"].splitlines()}


def _sent(centre: Contact) -> Contact:
    return {field: centre[field] for field in FIELDS}


def _wrong(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong by the form's fields; the one field that is mandatory is told as such."""
    for name, message in fields.items():
        centre = name.startswith("centres.") and name.endswith(".name")
        short = centre and message == "texte trop court"
        yield _flat(name), "indiquez le nom de ce GRETA ou CFA" if short else message


def _flat(field: str) -> str:
    """The name of the form's field: `centres.0.address.1` is `centres-0-address.1` there."""
    parts = field.split(".")
    own = 3 if parts[0] == "centres" else 2
    return ".".join(["-".join(parts[:own]), *parts[own:]])


async def _page(visit: Visit, contacts: Mapping[str, Any], etag: str) -> dict[str, Any]:
    """What the page shows; the history may be missing for a while."""
    path = f"{visit.school}/contacts/history"
    history = await visit.part(visit.calls.get("etablissement", path, params={"limit": 10}))
    groups = list(_groups(contacts))
    return {
        "groups": groups[: len(SINGLE)],
        "centres": groups[len(SINGLE) :],
        "labels": {
            f"{prefix}-{field}": f"{title} – {label}"
            for prefix, title, _ in groups for field, label in FIELDS.items()
        },
        "fields": FIELDS, "version": etag, "history": history, "most": MOST_CENTRES,
        "added": False,
        "changes": _told(getattr(history, "json", {}).get("changes", ())),
        "editable": visit.may(Action.EDIT_SCHOOL),
    }  # fmt: skip


def _groups(contacts: Mapping[str, Any]) -> Iterator[tuple[str, str, Contact]]:
    """Each contact as the form shows it: the prefix of its fields, its title, its values."""
    for name, title in SINGLE.items():
        yield name, title, _shown(contacts[name])
    for number, centre in enumerate(contacts["centres"]):
        yield f"centres-{number}", f"GRETA ou CFA n° {number + 1}", _shown(centre)


def _shown(contact: Mapping[str, Any]) -> Contact:
    lines, phone = contact["address"], telephone(contact["phone"])
    return {"removed": False, **contact, "address": "\n".join(lines), "phone": phone}


def _told(changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Changes with the places in words: « DREETS, GRETA ou CFA »."""
    titles = {**SINGLE, "centres": "GRETA ou CFA"}
    return [
        {
            **one,
            "places": [
                title
                for key, title in titles.items()
                if any(field.split(".")[0] == key for field in one["fields"])
            ],
        }
        for one in changes
    ]
