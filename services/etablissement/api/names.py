"""Names for what other services know by a code: schools by their UAI, staff by their account."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.etablissement.api.schools import Found
from services.etablissement.store import rights, schools
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may, may_somewhere
from shared.web.app import RequestDatabase

AT_ONCE = 100

router = APIRouter(prefix="/schools", tags=["registre"])


class Named(BaseModel, extra="forbid"):
    """Schools by their UAI."""

    schools: Annotated[list[Uai], Field(min_length=1, max_length=AT_ONCE)]


class Accounts(BaseModel, extra="forbid"):
    """Persons by their account, as services note it (`changed_by`, `by_whom`)."""

    accounts: Annotated[
        list[Annotated[str, Field(max_length=100, pattern=r"^[ -~]+$")]],
        Field(min_length=1, max_length=AT_ONCE),
    ]


class Member(BaseModel):
    """Who someone is in the school."""

    name: str
    function: str


@router.post("/by-uai", dependencies=[Depends(may_somewhere(Action.FIND_SCHOOLS))])
async def read_schools(wanted: Named, database: RequestDatabase) -> list[Found]:
    """Those of these schools that the registry has."""
    async with database.connection() as connection:
        return [Found(**row) for row in await schools.named(connection, wanted.schools)]


@router.post("/{uai}/staff", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_staff(uai: Uai, wanted: Accounts, database: RequestDatabase) -> dict[str, Member]:
    """Who these accounts are, for those who have or had a right in the school itself."""
    async with database.connection() as connection:
        rows = await rights.members(connection, uai, wanted.accounts)
    return {row["account"]: Member(name=row["name"], function=row["function"]) for row in rows}
