"""Sign-in, for the gateway: whether a person is an inspector, and where."""

from collections import defaultdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, StringConstraints

from services.inspector_access.store import registry
from shared.rights import Action, Role
from shared.security import may_as_service
from shared.web.app import RequestDatabase

router = APIRouter(tags=["connexion"])


class Visitor(BaseModel, extra="forbid"):
    """Who signs in, as the identity provider tells."""

    person: UUID
    email: Annotated[
        str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254,
            pattern=r"^[^\x00]*$"),
    ]  # fmt: skip
    email_verified: bool
    name: Annotated[str, StringConstraints(max_length=200)] = ""


class Known(BaseModel):
    """Whether the person is an inspector: the name that the administrators gave, and his role by
    académie.
    """

    known: bool
    name: str | None
    academies: dict[str, list[Role]]


@router.post("/sign-in", dependencies=[Depends(may_as_service(Action.SIGN_IN))])
async def sign_in(visitor: Visitor, database: RequestDatabase) -> Known:
    """Bind the invited address, if it is verified, to who signs in with it first; later visits are
    recognised by the person alone.
    """
    verified = visitor.email if visitor.email_verified else None
    async with database.transaction() as transaction:
        rows = await registry.sign_in(transaction.connection, visitor.person, verified)
    academies: dict[str, list[Role]] = defaultdict(list)
    for row in rows:
        academies[row["academie"]] = [Role.INSPECTEUR]
    name = min((row["name"] for row in rows), default=None)
    return Known(known=bool(rows), name=name, academies=academies)
