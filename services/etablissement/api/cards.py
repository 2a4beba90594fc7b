"""The card of a school: read and written, what it lacks, who has changed what."""

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from services.etablissement import registry
from services.etablissement.api.fields import (
    PAGE,
    Address,
    Cursor,
    Limit,
    Line,
    OptionalEmail,
    OptionalLine,
    OptionalPhone,
    OptionalPostcode,
)
from services.etablissement.api.problems import INCOMPLETE
from services.etablissement.domain import errors
from services.etablissement.domain.academies import departement_of
from services.etablissement.domain.cards import LABELS, Act, Need, missing
from services.etablissement.registry import By
from services.etablissement.store import schools
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import expected_version, set_etag
from shared.web.problems import ProblemError

router = APIRouter(prefix="/schools/{uai}", tags=["établissement"])


class Identity(BaseModel, extra="forbid"):
    """What administrators write of a card, beside its UAI, which never changes."""

    name: Line = ""
    email: OptionalEmail = None


class Wanted(Identity, extra="forbid"):
    """A card as staff write it: nothing is mandatory, what is left out is emptied.

    `digest`: the school wants the daily mail about closed transfers.
    """

    address: Address = []
    postcode: OptionalPostcode = None
    town: OptionalLine = None
    phone: OptionalPhone = None
    head_name: OptionalLine = None
    head_function: OptionalLine = None
    digest: bool = True


class Card(BaseModel):
    """A card. `phone` is in the form +33123456789; `own` names the fields that the school has set
    itself: the public directory does not overwrite them.
    """

    uai: str
    name: str
    email: str | None
    address: list[str]
    postcode: str | None
    town: str | None
    phone: str | None
    head_name: str | None
    head_function: str | None
    digest: bool
    academie: str | None
    departement: str
    nature: str | None
    open: bool
    successor: str | None
    own: list[str]


class Readiness(BaseModel):
    """Whether users can be created and the passeport exported, and what the card lacks for it."""

    ready: bool
    missing: list[str]
    message: str


class Change(BaseModel):
    """Something that was done with a school. `changes` has the values before and after by field,
    none where they may tell of a person; `name` and `function` are those of who did it, while the
    person is known here.
    """

    id: int
    version: int
    act: Act
    changes: dict[str, tuple[Any, Any] | None]
    changed_by: str
    changed_at: dt.datetime
    name: str | None
    function: str | None


class History(BaseModel):
    """Changes, newest first; `next` is the cursor of the page that follows, if any."""

    changes: list[Change]
    next: int | None


@router.get("/card", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_card(uai: Uai, database: RequestDatabase, response: Response) -> Card:
    """The school's card."""
    async with database.connection() as connection:
        row = await schools.one(connection, uai)
    return answered(row, response)


@router.put("/card")
async def write_card(
    uai: Uai,
    wanted: Wanted,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Card:
    """« Valider »: replace the card."""
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        row = await registry.edit(transaction, uai, version, wanted.model_dump(), by)
    return answered(row, response)


@router.put("/card/identity")
async def name_school(
    uai: Uai,
    wanted: Identity,
    caller: Annotated[Principal, Depends(may(Action.NAME_SCHOOL))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Card:
    """Write name and e-mail only: what administrators may, so that users can be created."""
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        row = await registry.edit(transaction, uai, version, wanted.model_dump(), by)
    return answered(row, response)


@router.get("/card/history", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_history(
    uai: Uai,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> History:
    """Who has changed what of the school, newest first."""
    async with database.connection() as connection:
        rows = await schools.history(connection, uai, before, limit)
    changes = [Change.model_validate(dict(row)) for row in rows]
    return History(changes=changes, next=changes[-1].id if len(changes) == limit else None)


@router.get("/readiness", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_readiness(
    uai: Uai,
    database: RequestDatabase,
    needed_for: Annotated[Need | None, Query(alias="for")] = None,
) -> Readiness:
    """What the card lacks before users can be created and the passeport exported. Who asks `for`
    one of them is answered 409 while something is missing.
    """
    async with database.connection() as connection:
        row = await schools.one(connection, uai)
    if row is None:
        raise errors.UnknownSchoolError
    lacking = missing(dict(row))
    if needed_for is not None:
        refuse_incomplete(lacking)
    return Readiness(ready=not lacking, missing=list(lacking), message=in_words(lacking))


def refuse_incomplete(lacking: tuple[str, ...]) -> None:
    """Refuse, naming it, what can't be done while the card lacks something."""
    if lacking:
        told = [{"field": f"card.{field}", "message": "à renseigner"} for field in lacking]
        raise ProblemError(replace(INCOMPLETE, detail=in_words(lacking), errors=told))


def in_words(lacking: tuple[str, ...]) -> str:
    """What the card lacks, as it is told to staff."""
    if not lacking:
        return "La fiche est complète : nom, adresse électronique et code UAI sont connus."
    fields = " et ".join(LABELS[field] for field in lacking)
    return (
        f"Il manque sur la fiche de l'établissement : {fields}. Renseignez-la dans l'onglet "
        "Etablissement : sans cela, ni création d'utilisateurs, ni export du passeport "
        "professionnel."
    )


def answered(row: Record | None, response: Response) -> Card:
    """The answer with a card and its version.

    Raises:
        UnknownSchoolError: there is none.
    """
    if row is None:
        raise errors.UnknownSchoolError
    set_etag(response, row["version"])
    return Card(**row, departement=departement_of(row["uai"]))
