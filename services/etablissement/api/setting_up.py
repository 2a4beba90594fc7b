"""« Mise en service »: the steps that a school declares done, or not to concern it.

Whether the other steps are done can be seen where their data are; the page puts both together.
"""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel

from services.etablissement.api.settings import read, write
from services.etablissement.store.settings import Subject
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


class SettingUp(BaseModel, extra="forbid"):
    """The steps that a school has declared, in their order."""

    declared: list[Step] = []


def _in_order(steps: list[Step]) -> list[Step]:
    return [step for step in Step if step in steps]


class Wanted(SettingUp, extra="forbid"):
    """The steps that staff declare; what is left out is declared no more."""

    declared: Annotated[list[Step], AfterValidator(_in_order)]


@router.get("", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_setting_up(uai: Uai, database: RequestDatabase, response: Response) -> SettingUp:
    """What the school has declared; nothing until someone does."""
    async with database.connection() as connection:
        held = await read(connection, uai, Subject.SETTING_UP)
    set_etag(response, held.version)
    return SettingUp(**held.content)


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
            before=SettingUp().model_dump(), content=content, by=caller.sub, at=clock.now(),
        )  # fmt: skip
    set_etag(response, new_version)
    return SettingUp(**content)
