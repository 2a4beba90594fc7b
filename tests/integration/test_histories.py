"""What services write down about what was done: nobody changes it, and it is erased in its time."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.client import Sign
from deploy.local.servers import Servers, create_database, drop_database
from docs.reference import SERVICES, service
from services.transfer.retention import TRAIL, forget
from shared.database import Database, migrate
from shared.service import Service
from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.databases import histories
from tests.support.system import CHAIN, running

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

ROLE = """
CREATE ROLE "{role}" LOGIN PASSWORD '{role}';
GRANT CONNECT ON DATABASE "{name}" TO "{role}";
"""
DEFAULTS = """
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}";
"""
"""As docs/security.md has it: the service runs under another role than its migrations."""


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


@asynccontextmanager
async def split_database(servers: Servers, one: Service) -> AsyncIterator[str]:
    """The URL of a database whose service runs under a role that owns nothing."""
    name = f"split_{one.name}_{secrets.token_hex(4)}"
    role = f"{name}_run"
    url = await create_database(servers, name)
    admin = await asyncpg.connect(servers.postgres_url)
    owner = await asyncpg.connect(url)
    try:
        await admin.execute(ROLE.format(role=role, name=name))
        await owner.execute(DEFAULTS.format(role=role))
        await migrate(url, one.migration_folders)
        host = urlsplit(url).netloc.rpartition("@")[2]
        yield urlunsplit(urlsplit(url)._replace(netloc=f"{role}:{role}@{host}"))
    finally:
        await owner.close()
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.execute(f'DROP ROLE "{role}"')
        await admin.close()
        await drop_database(servers, name)


@pytest.fixture
async def split(servers: Servers) -> AsyncIterator[Mapping[str, str]]:
    """Databases of the chain whose services run under a role that owns nothing: their URLs."""
    async with AsyncExitStack() as opened:
        yield {
            one.name: await opened.enter_async_context(split_database(servers, one))
            for one in CHAIN
        }


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
async def test_histories_are_append_only(servers: Servers, name: str) -> None:
    async with split_database(servers, service(name)) as url:
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


async def test_whose_right_it_was_changes_once_and_what_it_was_stays(servers: Servers) -> None:
    invited, person, other, gone = (uuid4() for _ in range(4))
    async with split_database(servers, service("etablissement")) as url:
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


async def test_a_service_works_under_a_role_that_can_change_no_history(
    split: Mapping[str, str], vhost: str, keys: Path, sign: Sign
) -> None:
    async with (
        running(CHAIN, split, vhost, keys, sign) as system,
        system.school(A) as a,
        system.school(B) as b,
    ):
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        await b.import_file(SAMPLES / "B_import2_arrive.xml")
        await check_moved(a, b, old)
    connection = await asyncpg.connect(split["transfer"])
    assert await connection.fetchval("SELECT count(*) FROM participation_change") == 2
    for statement in (
        "UPDATE participation_change SET changed_by = 'x'",
        "DELETE FROM participation_change",
        "TRUNCATE participation_change",
        "ALTER TABLE participation_change DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON participation_change",
        "DROP TABLE participation_change CASCADE",
        "CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_what_is_older_than_three_years_is_erased_all_the_same(
    split: Mapping[str, str],
) -> None:
    database = await Database.open(split["transfer"], 2)
    now = dt.datetime.now(dt.UTC)
    async with database.connection() as connection:
        for version, age in enumerate((TRAIL + dt.timedelta(days=1), TRAIL - dt.timedelta(days=1))):
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
        assert await connection.fetchval("SELECT array_agg(version) FROM participation_change") == [
            1
        ]
    await database.close()
