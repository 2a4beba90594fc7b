"""SQL: sessions and the sign-ins under way."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg import Record

from services.gateway.domain.sessions import Account, Rights, School, Session
from shared.database import Connection
from shared.rights import Role


async def insert_sign_in(
    connection: Connection, id_hash: bytes, secrets: tuple[str, str, str], until: dt.datetime
) -> None:
    """Remember state, nonce and PKCE verifier of a sign-in that begins."""
    await connection.execute(
        """
        INSERT INTO sign_ins (id_hash, state, nonce, verifier, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        id_hash,
        *secrets,
        until,
    )


async def take_sign_in(
    connection: Connection, id_hash: bytes, state: str, now: dt.datetime
) -> Record | None:
    """The sign-in of this browser with this state; it is good for one answer of the provider. (A
    second one that has begun in another tab stays as it is.)
    """
    return await connection.fetchrow(
        """
        DELETE FROM sign_ins WHERE id_hash = $1 AND state = $2 AND expires_at > $3
        RETURNING nonce, verifier
        """,
        id_hash,
        state,
        now,
    )


async def insert(
    connection: Connection, session: Session, now: dt.datetime, until: dt.datetime
) -> None:
    """Begin a session."""
    account = session.account
    await connection.execute(
        """
        INSERT INTO sessions (id_hash, person, email, email_verified, name, function, schools,
            academies, inspects, school, school_name, school_roles, csrf, id_token, created_at,
            seen_at, expires_at, ask_again_at, rights_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17,
            $18)
        """,
        session.id_hash,
        account.person,
        account.email,
        account.email_verified,
        *_rights(session.rights),
        *_school(session.school),
        session.csrf,
        account.id_token,
        now,
        until,
        session.ask_again_at,
        session.rights_until,
    )


async def seen(
    connection: Connection, id_hash: bytes, now: dt.datetime, idle_since: dt.datetime
) -> Session | None:
    """The session, which is used now; None if it has ended or has been idle since `idle_since`."""
    row = await connection.fetchrow(
        """
        UPDATE sessions SET seen_at = $2 WHERE id_hash = $1 AND expires_at > $2 AND seen_at > $3
        RETURNING *
        """,
        id_hash,
        now,
        idle_since,
    )
    return None if row is None else _session(row)


async def set_rights(connection: Connection, session: Session, before: School | None) -> None:
    """Keep what the services have just told of the person, and when to ask again. The school is set
    only if it is still the one `before`: another may have been chosen while they were asked.
    """
    await connection.execute(
        """
        UPDATE sessions SET name = $2, function = $3, schools = $4, academies = $5, inspects = $6,
            (school, school_name, school_roles) = (SELECT CASE WHEN same THEN $7 ELSE school END,
                CASE WHEN same THEN $8 ELSE school_name END,
                CASE WHEN same THEN $9 ELSE school_roles END
                FROM (VALUES (school IS NOT DISTINCT FROM $12)) AS now (same)),
            ask_again_at = $10, rights_until = $11
        WHERE id_hash = $1
        """,
        session.id_hash,
        *_rights(session.rights),
        *_school(session.school),
        session.ask_again_at,
        session.rights_until,
        before and before.uai,
    )


async def ask_later(connection: Connection, id_hash: bytes, at: dt.datetime) -> None:
    """Ask for rights again at this moment: nobody has answered."""
    await connection.execute(
        "UPDATE sessions SET ask_again_at = $2 WHERE id_hash = $1", id_hash, at
    )


async def choose(connection: Connection, id_hash: bytes, school: School) -> None:
    """Let the session be about this school."""
    await connection.execute(
        """
        UPDATE sessions SET school = $2, school_name = $3, school_roles = $4 WHERE id_hash = $1
        """,
        id_hash,
        *_school(school),
    )


async def set_flash(
    connection: Connection, id_hash: bytes, flash: Sequence[Mapping[str, Any]]
) -> None:
    """Keep what the next page is to tell."""
    await connection.execute("UPDATE sessions SET flash = $2 WHERE id_hash = $1", id_hash, flash)


async def drop_flash(
    connection: Connection, id_hash: bytes, flash: Sequence[Mapping[str, Any]]
) -> None:
    """Forget what has been told; something newer stays for the page after."""
    await connection.execute(
        "UPDATE sessions SET flash = NULL WHERE id_hash = $1 AND flash = $2", id_hash, flash
    )


async def end(connection: Connection, id_hash: bytes) -> str | None:
    """End a session; its id token, with which the provider is told."""
    token: str | None = await connection.fetchval(
        "DELETE FROM sessions WHERE id_hash = $1 RETURNING id_token", id_hash
    )
    return token


async def forget(connection: Connection, now: dt.datetime, idle_since: dt.datetime) -> None:
    """Forget the sessions and sign-ins that have ended."""
    await connection.execute(
        "DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2", now, idle_since
    )
    await connection.execute("DELETE FROM sign_ins WHERE expires_at <= $1", now)


def _rights(rights: Rights) -> tuple[Any, ...]:
    schools = {
        one.uai: {"name": one.name, "roles": sorted(one.roles)} for one in rights.schools.values()
    }
    places = (
        {place: sorted(roles) for place, roles in held.items()}
        for held in (rights.academies, rights.inspects)
    )
    return (rights.name, rights.function, schools, *places)


def _school(school: School | None) -> tuple[str | None, str | None, list[str]]:
    return (school.uai, school.name, sorted(school.roles)) if school else (None, None, [])


def _session(row: Record) -> Session:
    schools = {
        uai: School(uai, one["name"], _roles(one["roles"])) for uai, one in row["schools"].items()
    }
    academies, inspects = (
        {place: _roles(roles) for place, roles in row[column].items()}
        for column in ("academies", "inspects")
    )
    return Session(
        id_hash=row["id_hash"],
        account=Account(row["person"], row["email"], row["email_verified"], row["name"], ""),
        rights=Rights(row["name"], row["function"], schools, academies, inspects),
        school=School(row["school"], row["school_name"], _roles(row["school_roles"]))
        if row["school"]
        else None,
        csrf=row["csrf"],
        flash=row["flash"] or (),
        ask_again_at=row["ask_again_at"],
        rights_until=row["rights_until"],
    )


def _roles(names: Sequence[str]) -> frozenset[Role]:
    return frozenset(Role(name) for name in names)
