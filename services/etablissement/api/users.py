"""The users of a school: who holds which right, invitations, ends, history."""

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from services.etablissement import persons
from services.etablissement.api.cards import refuse_incomplete
from services.etablissement.api.fields import PAGE, Cursor, Email, Limit, Line, Name
from services.etablissement.domain import errors
from services.etablissement.domain.terms import EndsBeforeItBegins, term
from services.etablissement.persons import Invitation
from services.etablissement.registry import By
from services.etablissement.store import rights
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action, Role
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import INVALID, ProblemError

router = APIRouter(prefix="/schools/{uai}", tags=["utilisateurs"])


class Person(BaseModel, extra="forbid"):
    """Someone to invite. Without `valid_from` the right begins now; `valid_until` is its last day.

    Rights wait for the address: they are bound to the account that first proves it.
    """

    email: Email
    name: Name
    function: Line = ""
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None


class Guest(Person, extra="forbid"):
    """Someone whom the school invites; « delegation » is given with « gestion »."""

    role: Literal[Role.DIRECTION, Role.GESTION, Role.DELEGATE] = Role.GESTION


class Right(BaseModel):
    """A right in the school; `valid_until` is the moment from which it does not hold any more."""

    id: UUID
    role: Role
    valid_from: dt.datetime
    valid_until: dt.datetime | None
    given_at: dt.datetime


class User(BaseModel):
    """A user of the school. `has_come`: the person has signed in since the invitation."""

    person: UUID
    name: str
    function: str
    email: str
    has_come: bool
    rights: list[Right]


class UserPage(BaseModel):
    """Users by name; `next` is the cursor of the page that follows, if any."""

    users: list[User]
    next: UUID | None


class RightChange(BaseModel):
    """A right that was given, ended, or erased with its person. Names are those of persons who are
    still known here.
    """

    id: int
    act: Literal["given", "ended", "erased"]
    role: Role
    person: UUID
    name: str | None
    valid_from: dt.datetime
    valid_until: dt.datetime | None
    changed_by: str
    by_name: str | None
    changed_at: dt.datetime


class RightHistory(BaseModel):
    """Changes, newest first; `next` is the cursor of the page that follows, if any."""

    changes: list[RightChange]
    next: int | None


@router.get("/users", dependencies=[Depends(may(Action.READ_USERS))])
async def list_users(
    uai: Uai,
    database: RequestDatabase,
    clock: RequestClock,
    after: UUID | None = None,
    limit: Limit = PAGE,
) -> UserPage:
    """The users of the school, by name, with the rights that have not ended."""
    async with database.connection() as connection:
        users = _users(await rights.of_school(connection, uai, clock.now(), after, limit))
    return UserPage(users=users, next=users[-1].person if len(users) == limit else None)


@router.post("/users", status_code=201)
async def invite_user(
    uai: Uai,
    guest: Guest,
    caller: Annotated[Principal, Depends(may(Action.MANAGE_USERS))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    clock: RequestClock,
) -> User:
    """Invite someone into the school, or give a user a further right."""
    by, giver = By(caller.sub, clock.now()), caller.schools.get(uai, frozenset())
    content = uai.encode() + guest.model_dump_json().encode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        if await made_before(connection, caller.sub, key, content, uuid7()) is None:
            await _invite(connection, uai, guest, guest.role, giver, by)
        return await _user(connection, uai, guest.email, by.at)


@router.post("/head", status_code=201)
async def invite_head(
    uai: Uai,
    person: Person,
    caller: Annotated[Principal, Depends(may(Action.INVITE_HEAD))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    clock: RequestClock,
) -> User:
    """Invite the head of a school: what administrators do, from its card."""
    by = By(caller.sub, clock.now())
    content = b"head" + uai.encode() + person.model_dump_json().encode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        if await made_before(connection, caller.sub, key, content, uuid7()) is None:
            await _invite(connection, uai, person, Role.DIRECTION, {Role.DIRECTION}, by)
        return await _user(connection, uai, person.email, by.at)


async def _invite(
    connection: Connection, uai: Uai, person: Person, role: Role, giver: Collection[Role], by: By
) -> None:
    await refuse_unready(connection, uai)
    try:
        valid_from, valid_until = term(person.valid_from, person.valid_until, by.at)
    except EndsBeforeItBegins as error:
        wrong = [{"field": "body.valid_until", "message": str(error)}]
        raise ProblemError(replace(INVALID, errors=wrong)) from None
    invitation = Invitation(
        person.email, person.name, person.function, role, valid_from, valid_until
    )
    await persons.invite(connection, uai, invitation, giver, by)


async def refuse_unready(connection: Connection, uai: Uai) -> None:
    """Refuse to create users while the school's card lacks something, naming it."""
    try:
        await persons.check_school(connection, uai)
    except errors.IncompleteCardError as error:
        refuse_incomplete(error.missing)


@router.delete("/users/rights/{right}", status_code=204)
async def end_right(
    uai: Uai,
    right: UUID,
    caller: Annotated[Principal, Depends(may(Action.MANAGE_USERS))],
    database: RequestDatabase,
    clock: RequestClock,
) -> None:
    """End a user's right in the school now; the only head stays."""
    by, giver = By(caller.sub, clock.now()), caller.schools.get(uai, frozenset())
    async with database.transaction() as transaction:
        await persons.end(transaction.connection, uai, right, giver, by)


@router.delete("/head/{right}", status_code=204)
async def end_head(
    uai: Uai,
    right: UUID,
    caller: Annotated[Principal, Depends(may(Action.INVITE_HEAD))],
    database: RequestDatabase,
    clock: RequestClock,
) -> None:
    """End the right of a head who has left, be it the only one."""
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        await persons.end_head(transaction.connection, uai, right, by)


@router.get("/users/history", dependencies=[Depends(may(Action.READ_USERS))])
async def read_history(
    uai: Uai,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> RightHistory:
    """Who was given or has lost which right in the school, newest first."""
    async with database.connection() as connection:
        rows = await rights.history(connection, uai, before, limit)
    changes = [RightChange(**row) for row in rows]
    return RightHistory(changes=changes, next=changes[-1].id if len(changes) == limit else None)


async def _user(connection: Connection, uai: Uai, email: str, at: dt.datetime) -> User:
    """The user of this address, as the list tells; the right that made him one may have ended since
    the request was first sent.
    """
    for user in _users(await rights.of_school(connection, uai, at)):
        if user.email == email:
            return user
    raise errors.UnknownRightError


def _users(rows: list[Record]) -> list[User]:
    """Persons with their rights, from one row a right, in the order of the rows."""
    users: dict[UUID, User] = {}
    for row in rows:
        values = dict(row)
        user = users.setdefault(values["person"], User(**values, rights=[]))
        user.rights.append(Right(**values))
    return list(users.values())
