"""What services write down about what was done: nobody changes it, and it is erased in its time."""

import datetime as dt
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.servers import Servers, run_url
from docs.reference import SERVICES, service
from services.transfer.retention import TRAIL, forget
from shared.database import Database
from shared.service import Service
from tests.integration.test_story import A
from tests.support.databases import histories

NewDatabase = Callable[[Service], Awaitable[str]]

HISTORIES = {
    "dossier": {"discarded", "look"},
    "etablissement": {
        "discarded", "image_change", "right_change", "school_change", "setting_change",
    },
    "gateway": {"discarded"},
    "inspector_access": {"discarded", "look", "switch_change"},
    "notifier": {"discarded", "mail_history"},
    "siecle_import": {"discarded", "erasure", "look"},
    "transfer": {"act", "discarded", "participation_change"},
}  # fmt: skip

REMOVED_WITH_ITS_SUBJECT = {
    ("dossier", "look"), ("siecle_import", "look"), ("notifier", "mail_history"),
}  # fmt: skip
"""Histories of which a row goes with the learner, or the mail, that it is about."""

OF_TYPE = {
    "uuid": "gen_random_uuid()", "text": "'x'", "timestamp with time zone": "now()",
    "integer": "1", "bigint": "1", "boolean": "true", "jsonb": "'{}'", "bytea": "''",
    "ARRAY": "'{x}'",
}  # fmt: skip
COLUMNS = """
    SELECT column_name, data_type, is_nullable = 'YES' OR column_default IS NOT NULL
        OR is_identity = 'YES' AS optional,
        (SELECT substring(pg_get_constraintdef(oid) FROM $re$'([^']+)'$re$) FROM pg_constraint
         WHERE conrelid = c.table_name::regclass AND contype = 'c'
             AND conkey = ARRAY[c.ordinal_position::smallint]) AS allowed
    FROM information_schema.columns c WHERE table_name = $1
    """
"""The columns of a table, each with the first value that a constraint lets it have."""

REFUSED = "keeps what it holds|keeps whose right|permission denied|can only be updated to DEFAULT"


async def put_row(servers: Servers, url: str, table: str) -> list[str]:
    """Have a history hold one row, whatever it refers to; its columns."""
    whole = urlsplit(servers.postgres_url)._replace(path=urlsplit(url).path)
    admin = await asyncpg.connect(urlunsplit(whole))
    try:
        columns = await admin.fetch(COLUMNS, table)
        needed = {
            one["column_name"]: f"'{one['allowed']}'"
            if one["allowed"]
            else OF_TYPE[one["data_type"]]
            for one in columns
            if not one["optional"]
        }
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(
                f"INSERT INTO {table} ({', '.join(needed)}) VALUES ({', '.join(needed.values())})"
            )
    finally:
        await admin.close()
    return [one["column_name"] for one in columns]


@pytest.mark.parametrize("name", SERVICES)
async def test_histories_are_append_only(
    servers: Servers, new_database: NewDatabase, name: str
) -> None:
    url = run_url(await new_database(service(name)))
    connection = await asyncpg.connect(url)
    assert set(await histories(connection)) == HISTORIES[name]
    for table in HISTORIES[name]:
        columns = await put_row(servers, url, table)
        refused = [f"UPDATE {table} SET {one} = {one}" for one in columns]
        refused += [f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE"]
        if (name, table) in REMOVED_WITH_ITS_SUBJECT:
            assert await connection.execute(f"DELETE FROM {table}") == "DELETE 1"
            await put_row(servers, url, table)
        else:
            refused.append(f"DELETE FROM {table}")
        for statement in refused:
            with pytest.raises(asyncpg.PostgresError, match=REFUSED):
                await connection.execute(statement)
    await connection.close()


async def test_whose_right_it_was_changes_once_and_what_it_was_stays(
    new_database: NewDatabase,
) -> None:
    invited, person, other, gone = (uuid4() for _ in range(4))
    url = run_url(await new_database(service("etablissement")))
    connection = await asyncpg.connect(url)
    for known, account in ((invited, None), (person, uuid4()), (other, uuid4())):
        await connection.execute(
            "INSERT INTO person (id, account, email, invited_at) VALUES ($1, $2, $3, now())",
            known, account, str(known),
        )  # fmt: skip
    await connection.execute(
        """
        INSERT INTO right_change
            (right_id, person, role, act, valid_from, changed_by, changed_at)
        SELECT gen_random_uuid(), person, 'gestion', 'given', now(), 'x', now()
        FROM unnest($1::uuid[]) AS person
        """,
        [invited, gone],
    )

    async def rewrite(before: UUID, after: UUID) -> None:
        statement = "UPDATE right_change SET person = $2 WHERE person = $1"
        assert await connection.execute(statement, before, after) == "UPDATE 1"

    for before, after in ((gone, person), (invited, invited), (invited, gone)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rewrite(before, after)
    await rewrite(invited, person)
    await connection.execute("UPDATE person SET account = NULL WHERE id = $1", person)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rewrite(person, other)
    kept = await connection.fetch("SELECT person, invited FROM right_change ORDER BY id")
    assert [tuple(one) for one in kept] == [(person, invited), (gone, None)]
    await connection.close()


async def test_a_service_erases_what_is_older_than_three_years_and_changes_nothing_else(
    new_database: NewDatabase,
) -> None:
    database = await Database.open(run_url(await new_database(service("transfer"))), 2)
    now = dt.datetime.now(dt.UTC)
    async with database.connection() as connection:
        day = dt.timedelta(days=1)
        for version, age in enumerate((TRAIL + day, TRAIL - day, day)):
            await connection.execute(
                """
                INSERT INTO participation_change (uai, version, active, changed_by, changed_at)
                VALUES ($1, $2, true, 'x', $3)
                """,
                A,
                version,
                now - age,
            )
        await forget(database, now)
        kept = "SELECT array_agg(version) FROM participation_change"
        assert await connection.fetchval(kept) == [1, 2]
        for statement in (
            "UPDATE participation_change SET changed_by = 'y'",
            "DELETE FROM participation_change",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    await database.close()
