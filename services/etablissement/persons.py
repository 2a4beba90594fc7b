"""What is done with persons and rights: invite, end, bind at the first sign-in."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from services.etablissement.domain import errors
from services.etablissement.domain.cards import missing
from services.etablissement.domain.granting import (
    check_ends,
    check_gives,
    ended_together,
    given_together,
)
from services.etablissement.registry import By
from services.etablissement.store import persons, rights, schools
from shared.database import Connection, Transaction
from shared.identifiers import Uai
from shared.rights import Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """Someone to invite, as what, from when until when (excluded; None: without end)."""

    email: str
    name: str
    function: str
    role: Role
    valid_from: dt.datetime
    valid_until: dt.datetime | None


async def check_school(connection: Connection, uai: Uai) -> None:
    """See that users can be created in a school.

    Raises:
        UnknownSchoolError, NotOpenError: it has none.
        IncompleteCardError: its card lacks what they need.
    """
    row = await schools.one(connection, uai)
    if row is None:
        raise errors.UnknownSchoolError
    if not row["open"]:
        raise errors.NotOpenError
    if lacking := missing(dict(row)):
        raise errors.IncompleteCardError(lacking)


async def invite(
    connection: Connection, uai: Uai, invitation: Invitation, giver: Collection[Role], by: By
) -> None:
    """Invite someone into a school, or give one who is known a further right there. `giver` are the
    roles of who invites.

    Raises:
        NotYoursToGiveError: they do not suffice.
        OwnRightsError: it is himself.
    """
    check_gives(giver, invitation.role)
    person = await persons.invited(
        connection, uuid7(), invitation.email, invitation.name, invitation.function, by.at
    )
    if str(person["account"]) == by.who:
        raise errors.OwnRightsError
    term = (invitation.valid_from, invitation.valid_until)
    for role in given_together(invitation.role):
        await rights.give(connection, uuid7(), person["id"], role, (uai, None), term, by.who, by.at)


async def end(
    connection: Connection, uai: Uai, right: UUID, giver: Collection[Role], by: By
) -> None:
    """End a right in a school now. A delegation ends with « gestion ».

    Raises:
        UnknownRightError: the school has no such right, or it has ended.
        NotYoursToGiveError: the roles of who ends it do not suffice.
        LastHeadError: it is that of the only head.
    """
    held = await _locked(connection, uai, right, by)
    person = held["person"]
    has = await rights.roles_in(connection, person, uai, by.at)
    ending = has & {*ended_together(Role(held["role"]))}
    check_ends(giver, ending, await rights.other_heads(connection, uai, by.at, person))
    await rights.end(connection, person, sorted(ending), uai, None, by.who, by.at)


async def end_head(connection: Connection, uai: Uai, right: UUID, by: By) -> None:
    """End the right of a head, be it the only one: an administrator invites the next.

    Raises:
        UnknownRightError: it is not the right of a head of this school, or it has ended.
    """
    held = await _locked(connection, uai, right, by)
    if held["role"] != Role.DIRECTION:
        raise errors.UnknownRightError
    await rights.end(connection, held["person"], [Role.DIRECTION], uai, None, by.who, by.at)


async def _locked(connection: Connection, uai: Uai, right: UUID, by: By) -> Record:
    await rights.lock(connection, uai)
    held = await rights.one(connection, right, by.at)
    if held is None or held["uai"] != uai:
        raise errors.UnknownRightError
    return held


@dataclass(frozen=True, slots=True)
class Account:
    """What the identity provider says of who signs in: `id` is made of issuer and subject, `proved`
    is the address that it has verified, if there is one that can be written to.
    """

    id: UUID
    proved: str | None
    name: str


async def recognise(transaction: Transaction, account: Account, at: dt.datetime) -> Record | None:
    """The person who signs in, with the visit noted; None if nobody is known.

    A verified address binds the person who was invited under it to the account, once and for good.
    A further invitation under another address that the account proves joins the same person. Rights
    belong to the account from then on, whatever its address becomes.
    """
    connection = transaction.connection
    known = await persons.who_signs_in(connection, account.id, account.proved)
    person = next((one for one in known if one["account"] == account.id), None)
    if account.proved is not None:
        invited = next((one for one in known if one["email"] == account.proved), None)
        person = await _proved(connection, account.id, account.proved, person, invited)
    if person is None:
        return None
    return await persons.seen(connection, person["id"], account.name, at)


async def _proved(
    connection: Connection,
    account: UUID,
    address: str,
    person: Record | None,
    invited: Record | None,
) -> Record | None:
    """The person of an account after it has proved the address that someone was `invited` under."""
    if invited is None:
        if person is not None:
            await persons.readdress(connection, person["id"], address)
    elif invited["account"] == account:  # bound by a visit at the same moment, perhaps
        return invited
    elif invited["account"] is None:
        if person is None:
            await persons.bind(connection, invited["id"], account)
            return invited
        await persons.join(connection, invited["id"], person["id"], address)
    return person
