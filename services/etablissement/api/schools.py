"""The registry: what administrators do with schools, and the search of a school by anyone."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StringConstraints
from uuid_utils.compat import uuid7

from services.etablissement import registry
from services.etablissement.api.cards import Card, answered
from services.etablissement.api.fields import (
    AcademiePath,
    Address,
    Name,
    OptionalEmail,
    OptionalLine,
    OptionalPhone,
    OptionalPostcode,
)
from services.etablissement.domain import words
from services.etablissement.domain.academies import ACADEMIES
from services.etablissement.registry import By
from services.etablissement.store import schools
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import EVERYWHERE, Principal, may_in_academie, may_somewhere
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, expected_version, made_before
from shared.web.problems import Problem, ProblemError

FOUND = 50

UNKNOWN_ACADEMIE = Problem(
    404,
    "academie-inconnue",
    "Académie inconnue",
    "Aucune académie n'a ce nom : écrivez-le comme dans l'annuaire, par exemple « Lyon ».",
)

router = APIRouter(prefix="/academies/{academie}/schools", tags=["registre"])
academies = APIRouter(prefix="/academies", tags=["registre"])
search = APIRouter(prefix="/schools", tags=["registre"])


class New(BaseModel, extra="forbid"):
    """A school that enters the registry."""

    uai: Uai
    name: Name
    email: OptionalEmail = None
    address: Address = []
    postcode: OptionalPostcode = None
    town: OptionalLine = None
    phone: OptionalPhone = None
    nature: OptionalLine = None


class Closing(BaseModel, extra="forbid"):
    """How a school is closed: into its successor, if it has one."""

    successor: Uai | None = None


class Query(BaseModel, extra="forbid"):
    """What is known of a school: words of its name, its town, or how its UAI begins."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]
    limit: Annotated[int, Field(ge=1, le=FOUND)] = 10


class Found(BaseModel):
    """A school as one chooses it. `successor` is that of a closed one."""

    uai: str
    name: str
    town: str | None
    academie: str | None
    nature: str | None
    open: bool
    successor: str | None


@router.post("", status_code=201)
async def create_school(
    academie: AcademiePath,
    wanted: New,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_SCHOOLS))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Card:
    """Enter a school of this académie into the registry."""
    by = By(caller.sub, clock.now())
    values = wanted.model_dump(exclude={"uai"}) | {"academie": _known(academie)}
    content = f"{academie} {wanted.model_dump_json()}".encode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        if await made_before(connection, caller.sub, key, content, uuid7()) is None:
            await registry.create(transaction, wanted.uai, values, by)
        row = await schools.one(connection, wanted.uai)
    return answered(row, response)


def _known(academie: str) -> str | None:
    """The académie of a path, in the spelling that rights have; None for « none »."""
    if academie not in (*ACADEMIES, EVERYWHERE):
        raise ProblemError(UNKNOWN_ACADEMIE)
    return None if academie == EVERYWHERE else academie


@router.post("/{uai}/closing")
async def close_school(
    academie: AcademiePath,
    uai: Uai,
    closing: Closing,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_SCHOOLS))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Card:
    """Close a school; its learners and rights go on in the successor, if one is named."""
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        row = await registry.close(
            transaction, uai, version, closing.successor, by, academie=academie
        )
    return answered(row, response)


@router.post("/{uai}/reopening")
async def reopen_school(
    academie: AcademiePath,
    uai: Uai,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_SCHOOLS))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Card:
    """Open a closed school again."""
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        row = await registry.reopen(transaction, uai, version, by, academie=academie)
    return answered(row, response)


@academies.get("", dependencies=[Depends(may_somewhere(Action.MANAGE_SCHOOLS))])
async def list_academies() -> list[str]:
    """The académies, in the one spelling that rights and paths have."""
    return list(ACADEMIES)


@search.post("/search", dependencies=[Depends(may_somewhere(Action.FIND_SCHOOLS))])
async def find_schools(query: Query, database: RequestDatabase) -> list[Found]:
    """The schools that fit, the open ones first: to choose where a learner goes."""
    async with database.connection() as connection:
        if begin := words.begin_of_uai(query.text):
            rows = await schools.found_by_uai(connection, begin, query.limit)
        elif folded := words.fold(query.text):
            rows = await schools.found_by_words(connection, folded, query.limit, are_open=True)
            if more := query.limit - len(rows):
                rows += await schools.found_by_words(connection, folded, more, are_open=False)
        else:
            rows = []
    return [Found(**row) for row in rows]
