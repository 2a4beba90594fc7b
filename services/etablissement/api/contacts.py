"""The tab « Apprentis »: whom apprentices can turn to (guide, « informations utiles »)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from services.etablissement.api.fields import (
    PAGE,
    Address,
    Cursor,
    Limit,
    Name,
    OptionalEmail,
    OptionalLine,
    OptionalPhone,
    OptionalPostcode,
)
from services.etablissement.api.settings import History, history, read, write
from services.etablissement.store.settings import Subject
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import expected_version, set_etag

CENTRES = 50

router = APIRouter(prefix="/schools/{uai}/contacts", tags=["apprentis"])


class Contact(BaseModel):
    """How to reach someone. `phone` is in the form +33123456789."""

    name: str | None = None
    address: list[str] = []
    postcode: str | None = None
    town: str | None = None
    phone: str | None = None
    email: str | None = None


class Contacts(BaseModel):
    """The school, the labour administration (DREETS), the apprenticeship control mission (MCPFA),
    and the GRETA and CFA that the school works with.
    """

    school: Contact = Contact()
    dreets: Contact = Contact()
    mcpfa: Contact = Contact()
    centres: list[Contact] = []


class WantedContact(Contact, extra="forbid"):
    """How to reach someone, as staff write it: nothing is mandatory."""

    name: OptionalLine = None
    address: Address = []
    postcode: OptionalPostcode = None
    town: OptionalLine = None
    phone: OptionalPhone = None
    email: OptionalEmail = None


class WantedCentre(WantedContact, extra="forbid"):
    """A GRETA or CFA: one of many, so it has a name."""

    name: Name


class WantedContacts(BaseModel, extra="forbid"):
    """All contacts, as staff write them; what is left out is emptied."""

    school: WantedContact = WantedContact()
    dreets: WantedContact = WantedContact()
    mcpfa: WantedContact = WantedContact()
    centres: Annotated[list[WantedCentre], Field(max_length=CENTRES)] = []


@router.get("", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_contacts(uai: Uai, database: RequestDatabase, response: Response) -> Contacts:
    """The school's contacts; empty until someone writes them."""
    async with database.connection() as connection:
        held = await read(connection, uai, Subject.CONTACTS)
    set_etag(response, held.version)
    return Contacts(**held.content)


@router.put("")
async def write_contacts(
    uai: Uai,
    wanted: WantedContacts,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Contacts:
    """« Valider »: replace all contacts."""
    content = wanted.model_dump()
    async with database.transaction() as transaction:
        new_version = await write(
            transaction.connection, uai, Subject.CONTACTS, version,
            before=Contacts().model_dump(), content=content, by=caller.sub, at=clock.now(),
        )  # fmt: skip
    set_etag(response, new_version)
    return Contacts(**content)


@router.get("/history", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_history(
    uai: Uai,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> History:
    """Who has changed which contacts, newest first."""
    async with database.connection() as connection:
        return await history(connection, uai, Subject.CONTACTS, before, limit)
