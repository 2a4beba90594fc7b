"""« Utilisateurs »: who holds which right in the school; invitations, ends, delegations."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.french import PARIS, day
from services.gateway.parts import runtime_of
from services.gateway.web import downloads
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action, Role

router = APIRouter(include_in_schema=False)

PATH: Final = "/utilisateurs"
TEMPLATE: Final = "utilisateurs.html"
INVITATION: Final = "utilisateurs-inviter.html"
ROLES: Final = {
    Role.DIRECTION: "Direction",
    Role.GESTION: "Gestion",
    Role.DELEGATE: "Gestion avec délégation",
}
"""What a right is called; a delegation is given with « gestion » and shown beside it."""

ACTS: Final = {"given": "Droit donné", "ended": "Droit retiré", "erased": "Données effacées"}
LABELS: Final = {
    "email": "Adresse électronique",
    "name": "Nom et prénom",
    "function": "Fonction",
    "role": "Rôle",
    "valid_from": "Premier jour",
    "valid_until": "Dernier jour",
}
INCOMPLETE: Final = "fiche-incomplete"

User = Mapping[str, Any]
Shown = dict[str, Any]


@router.get(PATH)
async def show(
    visit: Annotated[Visit, Depends(visiting(Action.READ_USERS))], after: UUID | None = None
) -> Response:
    """The users with their rights, page by page, and what keeps the school from having more."""
    return await visit.page(TEMPLATE, **await _list(visit, after))


@router.get(f"{PATH}/liste.csv")
async def download(visit: Annotated[Visit, Depends(visiting(Action.READ_USERS))]) -> Response:
    """The list as a table, one line a right."""
    users = await rights_of(visit)
    headings = [*(LABELS[name] for name in ("name", "function", "email", "role")), "Du", "Au",
                "Connexion"]  # fmt: skip
    rows = (
        (user["name"], user["function"], user["email"], right["label"], day(right["valid_from"]),
         day(right["last"]), "déjà faite" if user["has_come"] else "pas encore")
        for user in users for right in user["rights"]
    )  # fmt: skip
    return downloads.table(f"utilisateurs-{visit.uai}.csv", headings, rows)


@router.get(f"{PATH}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.READ_USERS))],
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Who was given or has lost which right, page by page."""
    params = {} if before is None else {"before": before}
    found = await visit.calls.get("etablissement", f"{visit.school}/users/history", params=params)
    changes = [with_last_day(change) for change in found.json["changes"]]
    return await visit.page(
        "utilisateurs-historique.html", changes=changes, following=found.json["next"], acts=ACTS
    )


@router.get(f"{PATH}/inviter")
async def show_invitation(
    visit: Annotated[Visit, Depends(visiting(Action.MANAGE_USERS))],
) -> Response:
    """The form for one person."""
    lacking = await readiness(visit)
    return await visit.page(INVITATION, **_form(visit, dict.fromkeys(LABELS, "")), **lacking)


@router.post(f"{PATH}/inviter")
async def invite(visit: Annotated[Visit, Depends(posting(Action.MANAGE_USERS))]) -> Response:
    """Invite the person, or give one who is a user already a further right."""
    typed = {name: visit.text(name) for name in LABELS}
    path, key = f"{visit.school}/users", visit.text("key")
    try:
        await visit.calls.create("etablissement", path, guest(typed), key=key)
    except RefusedError as error:
        lacking = await readiness(visit)
        return await refused(visit, INVITATION, error, **_form(visit, typed), **lacking)
    return await visit.redirect(PATH, INVITED.format(who=typed["name"]))


INVITED: Final = (
    "{who} a maintenant ce droit, et peut se connecter avec le compte qui porte cette adresse. "
    "L'application n'envoie pas d'invitation : prévenez cette personne."
)


@router.post(f"{PATH}/delegation")
async def delegate(visit: Annotated[Visit, Depends(posting(Action.MANAGE_USERS))]) -> Response:
    """Add the delegation to a right of someone of the office, for as long as that holds."""
    user, right = await _held(visit, visit.text("droit"))
    if user is None or right is None:
        return await visit.redirect(PATH, "Ce droit a pris fin.", "warning")
    days = {"valid_from": None if right["begun"] else _day(right["valid_from"]),
            "valid_until": right["last"] and _day(right["last"])}  # fmt: skip
    body = {name: user[name] for name in ("email", "name", "function")} | days
    body["role"] = Role.DELEGATE
    try:
        await visit.calls.create(
            "etablissement", f"{visit.school}/users", body, key=visit.text("key")
        )
    except RefusedError as error:
        return await refused(visit, TEMPLATE, error, **await _list(visit))
    return await visit.redirect(PATH, f"{user['name']} a maintenant une délégation.")


@router.get(f"{PATH}/droits/{{right}}/fin")
async def ask_to_end(
    visit: Annotated[Visit, Depends(visiting(Action.MANAGE_USERS))], right: UUID
) -> Response:
    """What ending this right means."""
    user, held = await _held(visit, str(right))
    if user is None:
        return await visit.redirect(PATH, "Ce droit a déjà pris fin.", "warning")
    mine = user["email"] == visit.session.account.email
    return await visit.page("utilisateurs-fin.html", user=user, right=held, mine=mine)


@router.post(f"{PATH}/droits/{{right}}/fin")
async def end(
    visit: Annotated[Visit, Depends(posting(Action.MANAGE_USERS))], right: UUID
) -> Response:
    """End the right now."""
    path = f"{visit.school}/users/rights/{right}"
    try:
        await visit.calls.change("etablissement", "DELETE", path)
    except RefusedError as error:
        return await refused(visit, TEMPLATE, error, **await _list(visit))
    return await visit.redirect(PATH, "Ce droit a pris fin.")


async def rights_of(visit: Visit) -> list[Shown]:
    """All users of the school as pages show them, each with the rights that have not ended."""
    found, following = await _page(visit, None)
    while following:
        further, following = await _page(visit, following)
        found += further
    return found


async def _page(visit: Visit, after: UUID | str | None) -> tuple[list[Shown], str | None]:
    """A page of users, and the cursor of the one that follows."""
    params = {} if after is None else {"after": str(after)}
    found = await visit.calls.get("etablissement", f"{visit.school}/users", params=params)
    now = runtime_of(visit.request).clock.now()
    shown = [{**user, "rights": list(_rights(user, now))} for user in found.json["users"]]
    return shown, found.json["next"]


def _rights(user: User, now: dt.datetime) -> Iterator[Shown]:
    for right in user["rights"]:
        begun = dt.datetime.fromisoformat(right["valid_from"]) <= now
        yield {**with_last_day(right), "begun": begun}


def with_last_day(right: Mapping[str, Any]) -> Shown:
    """A right with the last day on which it holds: it ends at the midnight that follows, or in the
    midst of a day when someone has ended it.
    """
    until = right["valid_until"]
    last = until and dt.datetime.fromisoformat(until) - dt.timedelta(seconds=1)
    label = "Délégation" if right["role"] == Role.DELEGATE else ROLES.get(right["role"], "")
    return {**right, "last": last, "label": label}


def guest(typed: Mapping[str, str]) -> dict[str, Any]:
    """An invitation as the service takes it: days that were left open are none."""
    days = {name: typed[name] or None for name in ("valid_from", "valid_until")}
    return {**typed, **days}


async def readiness(visit: Visit) -> dict[str, Any]:
    """What the card lacks before users can be created (guide)."""
    path = f"{visit.school}/readiness"
    return {"readiness": await visit.part(visit.calls.get("etablissement", path))}


async def refused(visit: Visit, template: str, error: RefusedError, **values: Any) -> Response:
    """The page again; what the card lacks is told in words and links to the card, not to a field
    of this form.
    """
    if error.type == INCOMPLETE:
        error.fields = {}
    return await visit.refused(template, error, **values)


async def _list(visit: Visit, after: UUID | None = None) -> dict[str, Any]:
    users, following = await _page(visit, after)
    return {
        "users": users, "after": after, "following": following, "labels": LABELS,
        **await readiness(visit),
        "manages": visit.may(Action.MANAGE_USERS), "ends": _gives(visit),
    }  # fmt: skip


async def _held(visit: Visit, right: str) -> tuple[Shown, Shown] | tuple[None, None]:
    """The right with this id and its user; None if it is over."""
    for user in await rights_of(visit):
        for one in user["rights"]:
            if one["id"] == right:
                return user, one
    return None, None


def _day(moment: dt.datetime | str) -> str:
    """The day that it is in Paris, as forms and services write it."""
    at = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(PARIS).date().isoformat()


def _form(visit: Visit, typed: Mapping[str, str]) -> dict[str, Any]:
    options: Sequence[tuple[str, str]] = [(role, ROLES[role]) for role in _gives(visit)]
    return {"typed": {**typed, "role": typed["role"] or Role.GESTION}, "labels": LABELS,
            "roles": options}  # fmt: skip


def _gives(visit: Visit) -> Collection[Role]:
    """The roles that the visitor gives and ends: a head any, who holds a delegation « gestion »."""
    school = visit.session.school
    if school is not None and Role.DIRECTION in school.roles:
        return (Role.GESTION, Role.DELEGATE, Role.DIRECTION)
    return (Role.GESTION,) if visit.may(Action.MANAGE_USERS) else ()
