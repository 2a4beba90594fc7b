"""What services write down about what was done: nobody changes it, and it is erased in its time."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.local.client import Sign
from deploy.local.servers import Servers, create_database, drop_database
from docs.reference import SERVICES, service
from services.transfer.retention import TRAIL, forget
from shared.database import Database, migrate
from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.databases import Templates, histories
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


@pytest.mark.parametrize("name", SERVICES)
async def test_histories_are_append_only(templates: Templates, name: str) -> None:
    connection = await asyncpg.connect(await templates.url(service(name)))
    try:
        assert set(await histories(connection)) == HISTORIES[name]
        for table in HISTORIES[name]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"TRUNCATE {table}")
    finally:
        await connection.close()


@pytest.fixture
async def split(servers: Servers) -> AsyncIterator[Mapping[str, str]]:
    """Databases of the chain whose services run under a role that owns nothing: their URLs."""
    urls, made = {}, []
    for one in CHAIN:
        name = f"split_{one.name}_{secrets.token_hex(4)}"
        role = f"{name}_run"
        url = await create_database(servers, name)
        made.append((name, role))
        admin = await asyncpg.connect(servers.postgres_url)
        await admin.execute(ROLE.format(role=role, name=name))
        await admin.close()
        owner = await asyncpg.connect(url)
        await owner.execute(DEFAULTS.format(role=role))
        await owner.close()
        await migrate(url, one.migration_folders)
        host = urlsplit(url).netloc.rpartition("@")[2]
        urls[one.name] = urlunsplit(urlsplit(url)._replace(netloc=f"{role}:{role}@{host}"))
    yield urls
    for name, role in made:
        admin = await asyncpg.connect(servers.postgres_url)
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.execute(f'DROP ROLE "{role}"')
        await admin.close()
        await drop_database(servers, name)


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
