"""Sessions: begun after a sign-in, resumed at each request, ended."""

import datetime as dt
import hashlib
import secrets
from dataclasses import replace

from services.gateway.clients.rights import Knowers
from services.gateway.clients.services import ServiceDownError
from services.gateway.domain.sessions import (
    ASK_AGAIN,
    ASK_SOON,
    AT_MOST,
    IDLE,
    RIGHTS_HOLD,
    SIGN_IN,
    Account,
    Rights,
    School,
    Session,
    chosen,
)
from services.gateway.oidc import Secrets
from services.gateway.store import sessions as store
from shared.database import Database

ID_BYTES = 32


class UnknownPersonError(Exception):
    """Nobody has given this person a right; `why` tells it and whom to ask."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


def hashed(secret: str) -> bytes:
    """What is kept of a random id: who reads the table can't use it."""
    return hashlib.sha256(secret.encode()).digest()


async def begin(database: Database, bound: Secrets, now: dt.datetime) -> str:
    """Remember a sign-in that begins; the id for the browser's cookie."""
    browser = secrets.token_urlsafe(ID_BYTES)
    parts = (bound.state, bound.nonce, bound.verifier)
    async with database.connection() as connection:
        await store.insert_sign_in(connection, hashed(browser), parts, now + SIGN_IN)
    return browser


async def taken(database: Database, browser: str, state: str, now: dt.datetime) -> Secrets | None:
    """The secrets of this browser's sign-in, once; None if it began none, or with another state."""
    if "\0" in state:  # what the database can't be asked about was never ours
        return None
    async with database.connection() as connection:
        row = await store.take_sign_in(connection, hashed(browser), state, now)
    return None if row is None else Secrets(state, row["nonce"], row["verifier"])


async def enter(database: Database, knowers: Knowers, account: Account, now: dt.datetime) -> str:
    """Begin the session of who has signed in; its random id, for the cookie.

    Raises:
        ServiceDownError: who knows the rights does not answer.
        UnknownPersonError: there is nothing for this person to see.
    """
    rights = await knowers.rights(account)
    if not rights.any:
        raise UnknownPersonError(rights.why)
    visit = secrets.token_urlsafe(ID_BYTES)
    session = Session(
        id_hash=hashed(visit),
        account=account,
        rights=rights,
        school=rights.only_school(),
        csrf=secrets.token_urlsafe(ID_BYTES),
        flash=(),
        ask_again_at=now + ASK_AGAIN,
        rights_until=now + RIGHTS_HOLD,
    )
    async with database.connection() as connection:
        await store.insert(connection, session, now, now + AT_MOST)
    return visit


async def seen(database: Database, visit: str, now: dt.datetime) -> Session | None:
    """The session of a cookie as it is kept; None if it has ended."""
    async with database.connection() as connection:
        return await store.seen(connection, hashed(visit), now, now - IDLE)


async def resume(
    database: Database, knowers: Knowers, visit: str, now: dt.datetime, *, anew: bool = False
) -> Session | None:
    """The session of a cookie, its rights no older than they may be, or asked `anew`; None if it
    has ended.

    Raises:
        ServiceDownError: who knows the rights has not answered for too long.
        UnknownPersonError: the person has no right any more; the session has ended.
    """
    session = await seen(database, visit, now)
    if session is None or (now < session.ask_again_at and not anew):
        return session
    return await _asked_anew(database, knowers, session, now)


async def _asked_anew(
    database: Database, knowers: Knowers, session: Session, now: dt.datetime
) -> Session:
    try:
        rights = await knowers.rights(session.account, session.rights)
        school = await _school(knowers, session, rights)
    except ServiceDownError:
        if now > session.rights_until:
            raise
        async with database.connection() as connection:
            await store.ask_later(connection, session.id_hash, now + ASK_SOON)
        return session
    if not rights.any:
        await leave(database, session.id_hash)
        raise UnknownPersonError(rights.why)
    renewed = replace(
        session,
        rights=rights,
        school=school,
        ask_again_at=now + ASK_AGAIN,
        rights_until=now + RIGHTS_HOLD,
    )
    async with database.connection() as connection:
        await store.set_rights(connection, renewed, session.school)
    return renewed


async def _school(knowers: Knowers, session: Session, rights: Rights) -> School | None:
    """The school that the session is about now; that of an administrator is asked for."""
    before = session.school
    if before is not None and before.uai not in rights.schools and rights.academies:
        return await knowers.school(session.account, before.uai)
    return chosen(rights, before)


async def choose(database: Database, knowers: Knowers, session: Session, uai: str) -> School | None:
    """Let the session be about this school; None if the person is nothing there.

    Raises:
        ServiceDownError
    """
    school = session.rights.schools.get(uai) or await knowers.school(session.account, uai)
    if school is not None:
        async with database.connection() as connection:
            await store.choose(connection, session.id_hash, school)
    return school


async def leave(database: Database, id_hash: bytes) -> str | None:
    """End a session; the id token with which the provider is told, if there was one."""
    async with database.connection() as connection:
        return await store.end(connection, id_hash)
