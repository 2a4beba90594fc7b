"""Users invited by a CSV: what it says is shown first, then done, all of it or nothing."""

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from services.etablissement import persons, user_table
from services.etablissement.api.users import refuse_unready
from services.etablissement.domain.errors import NotYoursToGiveError
from services.etablissement.domain.granting import check_gives
from services.etablissement.domain.terms import term
from services.etablissement.persons import Invitation
from services.etablissement.registry import By
from services.etablissement.user_table import UserLine, Wrong
from shared.identifiers import Uai
from shared.rights import Action, Role
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

TABLE_REFUSED = Problem(
    422,
    "tableau-refuse",
    "Tableau refusé",
    "Personne n'a été invité. Corrigez les lignes indiquées, puis recommencez.",
)

router = APIRouter(prefix="/schools/{uai}/users/table", tags=["utilisateurs"])


class TableLine(BaseModel):
    """A user whom the table would invite; `valid_until` is the last day."""

    line: int
    email: str
    name: str
    function: str
    role: Role
    valid_from: dt.date | None
    valid_until: dt.date | None


class WrongLine(BaseModel):
    """What is wrong with a line; 0 is the whole file."""

    line: int
    message: str


class Preview(BaseModel):
    """What a table says, and what must be corrected before anyone is invited."""

    users: list[TableLine]
    wrong: list[WrongLine]


class Invited(BaseModel):
    """How many users were invited, or given a further right."""

    invited: int


@router.post("/preview")
async def preview_table(
    uai: Uai,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.MANAGE_USERS))],
    database: RequestDatabase,
    clock: RequestClock,
) -> Preview:
    """Read a table, sent as the body; nobody is invited."""
    content = await request.body()
    async with database.connection() as connection:
        await refuse_unready(connection, uai)
    users, wrong = _read(content, caller.schools.get(uai, frozenset()), clock.now())
    return Preview(
        users=[TableLine(**asdict(user)) for user in users],
        wrong=[WrongLine(**asdict(one)) for one in wrong],
    )


@router.post("", status_code=201)
async def invite_table(
    uai: Uai,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.MANAGE_USERS))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    clock: RequestClock,
) -> Invited:
    """Invite all users of a table, sent as the body."""
    content, by = await request.body(), By(caller.sub, clock.now())
    giver = caller.schools.get(uai, frozenset())
    users, wrong = _read(content, giver, by.at)
    if wrong:
        told = [{"field": f"ligne.{one.line}", "message": one.message} for one in wrong]
        raise ProblemError(replace(TABLE_REFUSED, errors=told))
    async with database.transaction() as transaction:
        connection, batch = transaction.connection, uuid7()
        if await made_before(connection, caller.sub, key, uai.encode() + content, batch) is None:
            await refuse_unready(connection, uai)
            for user in sorted(users, key=lambda one: one.email):  # as every other table does
                await persons.invite(connection, uai, _invitation(user, by.at), giver, by)
    return Invited(invited=len(users))


def _read(
    content: bytes, giver: Collection[Role], now: dt.datetime
) -> tuple[list[UserLine], list[Wrong]]:
    """The users of a table, and what is wrong with it for this giver."""
    users, wrong = user_table.read(content)
    return users, [*wrong, *(one for user in users for one in _refusals(user, giver, now))]


def _refusals(user: UserLine, giver: Collection[Role], now: dt.datetime) -> list[Wrong]:
    try:
        check_gives(giver, user.role)
        _invitation(user, now)
    except NotYoursToGiveError:
        return [Wrong(user.line, "seule la direction donne ce rôle")]
    except ValueError as error:
        return [Wrong(user.line, str(error))]
    return []


def _invitation(user: UserLine, now: dt.datetime) -> Invitation:
    valid_from, valid_until = term(user.valid_from, user.valid_until, now)
    return Invitation(user.email, user.name, user.function, user.role, valid_from, valid_until)
