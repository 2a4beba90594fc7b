"""« Administration »: the académies in one's charge, the search of a school, a new school."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response
from starlette.exceptions import HTTPException

from services.gateway import entering
from services.gateway.clients.services import RefusedError
from services.gateway.parts import runtime_of
from services.gateway.web.visit import NotAllowedError, Visit, posting, visiting
from shared.identifiers import InvalidUai, Uai
from shared.rights import Action
from shared.security import EVERYWHERE

router = APIRouter(include_in_schema=False)

PATH: Final = "/administration"
SCHOOL: Final = f"{PATH}/etablissement"
FOUND: Final = 50
LABELS: Final = {
    "text": "Nom, ville ou début de l'UAI",
    "uai": "Code UAI (RNE)",
    "name": "Nom de l'établissement",
    "email": "Adresse électronique",
    "address": "Adresse",
    "postcode": "Code postal",
    "town": "Ville",
    "phone": "Téléphone",
    "nature": "Nature",
}
FIELDS: Final = ("uai", "name", "email", "postcode", "town", "phone", "nature")
TABLES: Final = {
    "diplomes": "Diplômes",
    "inspecteurs": "Inspecteurs",
    "referents": "Référents",
    "abonnements": "Abonnements",
}

Administering = Annotated[Visit, Depends(visiting(Action.MANAGE_SCHOOLS, anywhere=True))]
Posting = Annotated[Visit, Depends(posting(Action.MANAGE_SCHOOLS, anywhere=True))]


def is_national(visit: Visit) -> bool:
    """Whether all académies are in the person's charge."""
    return visit.person.may_in(Action.MANAGE_SCHOOLS, EVERYWHERE)


async def academies(visit: Visit) -> Sequence[str]:
    """The académies in the person's charge."""
    if not is_national(visit):
        held = visit.session.rights.academies
        return sorted(a for a in held if visit.person.may_in(Action.MANAGE_SCHOOLS, a))
    found = await visit.calls.get("etablissement", "/academies")
    names: list[str] = found.json
    return names


async def check_academie(visit: Visit, academie: str) -> None:
    """Refuse an académie of an address that is not in the person's charge, or that is none.

    Raises:
        NotAllowedError
        HTTPException: 404
    """
    if not visit.person.may_in(Action.MANAGE_SCHOOLS, academie):
        raise NotAllowedError
    if academie not in await academies(visit):
        raise HTTPException(404)


def path_of(academie: str) -> str:
    """The pages about an académie."""
    return f"{PATH}/{quote(academie, safe='')}"


def service_path(academie: str) -> str:
    """The académie in the services."""
    return f"/academies/{quote(academie, safe='')}"


@router.get(PATH)
async def show(visit: Administering) -> Response:
    """Search a school, or go to an académie."""
    return await visit.page("administration.html", **await _beside(visit, "", None))


@router.post(f"{PATH}/recherche")
async def search(visit: Posting) -> Response:
    """The schools that fit; each can be opened."""
    text = visit.text("text")
    try:
        found = await visit.calls.search(
            "etablissement", "/schools/search", {"text": text, "limit": FOUND}
        )
    except RefusedError as error:
        return await visit.refused("administration.html", error, **await _beside(visit, text, None))
    return await visit.page("administration.html", **await _beside(visit, text, found.json))


async def _beside(
    visit: Visit, text: str, found: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    return {
        "academies": [(name, path_of(name)) for name in await academies(visit)], "text": text,
        "found": found, "national": is_national(visit), "labels": LABELS, "limit": FOUND,
    }  # fmt: skip


@router.post(f"{PATH}/ouvrir")
async def open_school(visit: Posting) -> Response:
    """Let the session be about a school, and show it as administrators see it."""
    try:
        uai = Uai.parse(visit.text("uai"))
    except InvalidUai:
        raise HTTPException(404) from None
    database = runtime_of(visit.request).database
    school = await entering.choose(database, visit.parts.knowers, visit.session, uai)
    if school is None:
        raise NotAllowedError
    return await visit.redirect(SCHOOL)


@router.get(f"{PATH}/{{academie}}")
async def show_academie(visit: Administering, academie: str) -> Response:
    """What there is to do for an académie."""
    await check_academie(visit, academie)
    return await visit.page(
        "administration-academie.html", academie=academie, base=path_of(academie), tables=TABLES
    )


@router.get(f"{PATH}/{{academie}}/nouvel-etablissement")
async def show_new(visit: Administering, academie: str) -> Response:
    """An empty form of a school."""
    await check_academie(visit, academie)
    empty = dict.fromkeys((*FIELDS, "address"), "")
    return await visit.page("administration-nouveau.html", **_new(academie, empty))


def _new(academie: str, typed: Mapping[str, str]) -> dict[str, Any]:
    return {"academie": academie, "base": path_of(academie), "school": typed, "labels": LABELS}


@router.post(f"{PATH}/{{academie}}/nouvel-etablissement")
async def create(visit: Posting, academie: str) -> Response:
    """Enter a school into the registry, and open it."""
    await check_academie(visit, academie)
    typed = {name: visit.text(name) for name in (*FIELDS, "address")}
    body: dict[str, Any] = {name: typed[name] or None for name in FIELDS}
    body |= {"uai": typed["uai"], "name": typed["name"], "address": typed["address"].splitlines()}
    try:
        made = await visit.calls.create(
            "etablissement", f"{service_path(academie)}/schools", body, key=visit.text("key")
        )
    except RefusedError as error:
        return await visit.refused("administration-nouveau.html", error, **_new(academie, typed))
    database = runtime_of(visit.request).database
    uai = made.json["uai"]
    await entering.choose(database, visit.parts.knowers, visit.session, uai)
    return await visit.redirect(
        SCHOOL, "L'établissement est créé. Invitez maintenant sa direction."
    )
