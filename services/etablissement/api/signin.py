"""What the other services ask about persons: who signs in, what they may, whom to write to."""

from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, Field

from services.etablissement import persons
from services.etablissement.domain import contact, errors
from services.etablissement.domain.words import readable
from services.etablissement.persons import Account
from services.etablissement.store import persons as store
from services.etablissement.store import rights, schools
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import RIGHTS, Action, Role
from shared.security import may_as_service
from shared.web.app import RequestClock, RequestDatabase

AT_ONCE = 500

ASK_WHOM = (
    "Demandez à la direction de votre établissement de vous inviter à cette adresse ; la direction "
    "elle-même est invitée par l'administrateur de l'académie."
)
NOT_VERIFIED = (
    "Votre fournisseur d'identité n'a pas vérifié votre adresse électronique : faites-la vérifier "
    f"auprès de lui, puis reconnectez-vous. {ASK_WHOM}"
)
NO_ADDRESS = (
    "Votre compte n'a pas d'adresse électronique à laquelle on puisse écrire : faites-la corriger "
    f"auprès de votre fournisseur d'identité, puis reconnectez-vous. {ASK_WHOM}"
)
NOT_INVITED = f"Personne ne vous a invité sous l'adresse de votre compte. {ASK_WHOM}"
OTHER_ACCOUNT = (
    "Cette adresse est déjà rattachée à un autre compte : connectez-vous avec celui-ci, ou "
    "adressez-vous à l'assistance."
)
NO_RIGHT_NOW = (
    "Vous êtes connu ici, mais aucun droit n'est ouvert pour vous aujourd'hui : il a pris fin, ou "
    f"n'a pas encore commencé. {ASK_WHOM}"
)

router = APIRouter(tags=["identité"])


LONGEST_NAME = 200


def _usable(address: str) -> str | None:
    try:
        return contact.email(address)
    except contact.InvalidContact:
        return None


def _name(text: str) -> str:
    return readable(text)[:LONGEST_NAME]


class SignIn(BaseModel, extra="forbid"):
    """Who signs in: `person` is made by the gateway of the issuer and subject of the account. Name
    and address are the identity provider's: odd ones are passed over, they keep nobody out.
    """

    person: UUID
    email: Annotated[str, Field(max_length=2000), AfterValidator(_usable)] | None
    email_verified: bool
    name: Annotated[str, Field(max_length=2000), AfterValidator(_name)] = ""

    def account(self) -> Account:
        """The account, as persons are recognised by it."""
        return Account(self.person, self.email if self.email_verified else None, self.name)


class RightsIn(BaseModel):
    """What a person is in a school."""

    name: str
    roles: list[Role]


class SignedIn(BaseModel):
    """Who the person is and what he may now. `why` says to someone who has nothing to see why, and
    whom to ask.
    """

    known: bool
    name: str = ""
    function: str = ""
    schools: dict[str, RightsIn] = {}
    academies: dict[str, list[Role]] = {}
    why: str | None = None


class RightsAt(BaseModel):
    """The roles of a person at one school, by his rights there or in its académie."""

    uai: str
    name: str
    open: bool
    roles: list[Role]


class Asked(BaseModel, extra="forbid"):
    """Who is to be written to about these schools: those who may do `action` there."""

    schools: Annotated[list[Uai], Field(max_length=AT_ONCE)]
    action: Action


class Holder(BaseModel):
    """Someone to write to."""

    email: str
    name: str


@router.post("/sign-in", dependencies=[Depends(may_as_service(Action.SIGN_IN))])
async def sign_in(who: SignIn, database: RequestDatabase, clock: RequestClock) -> SignedIn:
    """Recognise who signs in; the first time, bind the invited person to the account."""
    now = clock.now()
    async with database.transaction() as transaction:
        connection = transaction.connection
        person = await persons.recognise(transaction, who.account(), now)
        if person is None:
            return SignedIn(known=False, why=await _why_unknown(connection, who))
        in_schools = await rights.schools_of(connection, person["id"], now)
        in_academies = await rights.academies_of(connection, person["id"], now)
    return _signed_in(person, in_schools, in_academies)


async def _why_unknown(connection: Connection, who: SignIn) -> str:
    if who.email is None:
        return NO_ADDRESS
    if not who.email_verified:
        return NOT_VERIFIED
    taken = await store.of_email(connection, who.email)
    return OTHER_ACCOUNT if taken else NOT_INVITED


def _signed_in(person: Record, in_schools: list[Record], in_academies: list[Record]) -> SignedIn:
    return SignedIn(
        known=True,
        name=person["name"],
        function=person["function"],
        schools={row["uai"]: RightsIn(name=row["name"], roles=row["roles"]) for row in in_schools},
        academies={row["academie"]: row["roles"] for row in in_academies},
        why=None if in_schools or in_academies else NO_RIGHT_NOW,
    )


@router.get("/persons/{person}/rights", dependencies=[Depends(may_as_service(Action.SIGN_IN))])
async def read_rights(
    person: UUID, uai: Uai, database: RequestDatabase, clock: RequestClock
) -> RightsAt:
    """What the person of an account is at one school now: the gateway asks before it signs a token
    that names the school.
    """
    async with database.connection() as connection:
        school = await schools.one(connection, uai)
        if school is None:
            raise errors.UnknownSchoolError
        roles = await rights.roles_at(connection, uai, clock.now(), person)
    return RightsAt(
        uai=uai, name=school["name"], open=school["open"], roles=[Role(role) for role in roles]
    )


@router.post("/holders", dependencies=[Depends(may_as_service(Action.READ_HOLDERS))])
async def read_holders(
    asked: Asked, database: RequestDatabase, clock: RequestClock
) -> dict[str, list[Holder]]:
    """Who holds the right to an action now in each school; administrators are not named."""
    found: dict[str, list[Holder]] = {uai: [] for uai in asked.schools}
    roles = sorted(RIGHTS[asked.action])
    async with database.connection() as connection:
        rows = await rights.holders(connection, asked.schools, clock.now(), roles)
    for row in rows:
        found[row["asked"]].append(Holder(email=row["email"], name=row["name"]))
    return found
