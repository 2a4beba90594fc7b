"""Persons: invited, bound to the account that they sign in with, seen, erased."""

import datetime as dt
from uuid import UUID

from asyncpg import Record

from shared.database import Connection


async def invited(
    connection: Connection, person: UUID, email: str, name: str, function: str, at: dt.datetime
) -> Record:
    """The person of this address: the one who is known, or a new one, `person`. What a known person
    is called stays, unless nothing was known of it.
    """
    row = await connection.fetchrow(
        """
        INSERT INTO person (id, email, name, function, invited_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (email) DO UPDATE SET
            name = coalesce(nullif(person.name, ''), excluded.name),
            function = coalesce(nullif(person.function, ''), excluded.function),
            invited_at = excluded.invited_at
        RETURNING *
        """,
        person,
        email,
        name,
        function,
        at,
    )
    if row is None:
        raise LookupError("an upsert answers with its row")
    return row


async def who_signs_in(connection: Connection, account: UUID, email: str | None) -> list[Record]:
    """The person bound to an account, and the one known under the address that it proves, if any;
    locked, always in the same order.
    """
    return await connection.fetch(
        "SELECT * FROM person WHERE account = $1 OR email = $2 ORDER BY id FOR UPDATE",
        account,
        email,
    )


async def of_email(connection: Connection, email: str) -> Record | None:
    """The person of this address."""
    return await connection.fetchrow("SELECT * FROM person WHERE email = $1", email)


async def bind(connection: Connection, person: UUID, account: UUID) -> None:
    """Bind an invited person to an account, for good."""
    await connection.execute("UPDATE person SET account = $2 WHERE id = $1", person, account)


async def join(connection: Connection, invited: UUID, person: UUID, email: str) -> None:
    """Give the rights of an invitation to the person whose account has proved its address, which
    becomes the one that he is written to.
    """
    await connection.execute("UPDATE held_right SET person = $2 WHERE person = $1", invited, person)
    await connection.execute(
        "UPDATE right_change SET person = $2 WHERE person = $1", invited, person
    )
    await connection.execute("DELETE FROM person WHERE id = $1", invited)
    await connection.execute("UPDATE person SET email = $2 WHERE id = $1", person, email)


async def readdress(connection: Connection, person: UUID, email: str) -> None:
    """Note the address that a person is written to from now on, unless someone else has it."""
    await connection.execute(
        """
        UPDATE person SET email = $2
        WHERE id = $1 AND NOT EXISTS (SELECT FROM person WHERE email = $2)
        """,
        person,
        email,
    )


async def seen(connection: Connection, person: UUID, name: str, at: dt.datetime) -> Record:
    """Note a visit; the name that the account gives fills an empty one."""
    row = await connection.fetchrow(
        """
        UPDATE person SET last_visit = $3, name = coalesce(nullif(name, ''), $2)
        WHERE id = $1 RETURNING *
        """,
        person,
        name,
        at,
    )
    if row is None:
        raise LookupError("the person was locked")
    return row


async def erase_unseen(connection: Connection, before: dt.datetime, at: dt.datetime) -> int:
    """Erase the persons who have neither come nor been invited since `before`; the trace of the
    rights that they still held ends with a line. Returns how many.
    """
    done = await connection.execute(
        """
        WITH gone AS (
            DELETE FROM person WHERE greatest(last_visit, invited_at) < $1 RETURNING id
        ), traced AS (
            INSERT INTO right_change (right_id, person, role, uai, academie, act, valid_from,
                valid_until, changed_by, changed_at)
            SELECT r.id, r.person, r.role, r.uai, r.academie, 'erased', r.valid_from, $2,
                'retention', $2
            FROM held_right r JOIN gone g ON g.id = r.person
            WHERE r.valid_until IS NULL OR r.valid_until > $2
        )
        SELECT FROM gone
        """,
        before,
        at,
    )
    return int(done.split()[-1])
