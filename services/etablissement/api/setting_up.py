"""« Mise en service »: the steps that a school declares done, or not to concern it, and those that
are seen to be done here.

Whether the others are done can be seen where their data are; the page puts all together.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel

from services.etablissement.api.settings import read, write
from services.etablissement.domain.cards import missing
from services.etablissement.domain.images import Kind
from services.etablissement.store import images, rights, schools
from services.etablissement.store.settings import Subject
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import expected_version, set_etag

router = APIRouter(prefix="/schools/{uai}/setting-up", tags=["mise en service"])


class Step(StrEnum):
    """What is to be done before a school works with the application, in this order."""

    CARD = "card"
    LOGO = "logo"
    CACHET = "cachet"
    USERS = "users"
    IMPORT = "import"
    DIPLOMAS = "diplomas"
    TRANSFERS = "transfers"
    INSPECTORS = "inspectors"
    CONTACTS = "contacts"
    NOTICE = "notice"


SEEN_HERE = (Step.CARD, Step.LOGO, Step.CACHET, Step.USERS, Step.CONTACTS)
"""The steps whose data this service owns."""


class SettingUp(BaseModel):
    """The steps that a school has declared, and those of `SEEN_HERE` that are done, in their order.
    Users: someone beside the head.
    """

    declared: list[Step] = []
    done: list[Step] = []


def _in_order(steps: list[Step]) -> list[Step]:
    return [step for step in Step if step in steps]


class Wanted(BaseModel, extra="forbid"):
    """The steps that staff declare; what is left out is declared no more."""

    declared: Annotated[list[Step], AfterValidator(_in_order)]


@router.get("", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_setting_up(
    uai: Uai, database: RequestDatabase, clock: RequestClock, response: Response
) -> SettingUp:
    """What the school has declared, and what is done."""
    async with database.connection() as connection:
        held = await read(connection, uai, Subject.SETTING_UP)
        done = await _done(connection, uai, clock.now())
    set_etag(response, held.version)
    return SettingUp(**held.content, done=done)


@router.put("")
async def declare(
    uai: Uai,
    wanted: Wanted,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> SettingUp:
    """Replace what the school has declared."""
    content = wanted.model_dump(mode="json")
    async with database.transaction() as transaction:
        new_version = await write(
            transaction.connection, uai, Subject.SETTING_UP, version,
            before={"declared": []}, content=content, by=caller.sub, at=clock.now(),
        )  # fmt: skip
        done = await _done(transaction.connection, uai, clock.now())
    set_etag(response, new_version)
    return SettingUp(**content, done=done)


async def _done(connection: Connection, uai: Uai, now: dt.datetime) -> list[Step]:
    """The steps of `SEEN_HERE` that are done."""
    card = await schools.one(connection, uai)
    users = {row["person"] for row in await rights.of_school(connection, uai, now)}
    contacts = (await read(connection, uai, Subject.CONTACTS)).content
    done = {
        Step.CARD: card is not None and not missing(dict(card)),
        Step.LOGO: await images.digest(connection, uai, Kind.LOGO) is not None,
        Step.CACHET: await images.digest(connection, uai, Kind.CACHET) is not None,
        Step.USERS: len(users) > 1,
        Step.CONTACTS: any(any(one.values()) for one in _each(contacts)),
    }
    return [step for step in SEEN_HERE if done[step]]


def _each(contacts: dict[str, Any]) -> list[dict[str, Any]]:
    return [*contacts.get("centres", ()), *(v for k, v in contacts.items() if k != "centres")]
