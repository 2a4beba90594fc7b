"""Each service has a database of its own, at the version of its code."""

from pathlib import Path

import asyncpg
import pytest

from deploy.local.servers import run_url
from docs.reference import SERVICES, service
from shared.database import Database, SchemaTooOldError, migrate, require_schema
from tests.support.databases import Templates


async def test_a_service_can_open_no_database_but_its_own(
    templates: Templates,
) -> None:
    owners = [await templates.url(service(name)) for name in SERVICES]
    for url in owners + list(map(run_url, owners)):
        base, _, own = url.rpartition("/")
        for other in (owner.rpartition("/")[2] for owner in owners):
            target = f"{base}/{other}"
            if other == own:
                await (await asyncpg.connect(target)).close()
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(target)


OF_A_TABLE = (
    "ALTER TABLE {0} ADD COLUMN more text",
    "ALTER TABLE {0} DISABLE TRIGGER ALL",
    "TRUNCATE {0} CASCADE",
    "DROP TABLE {0} CASCADE",
    "CREATE TRIGGER t BEFORE INSERT ON {0} EXECUTE FUNCTION append_only()",
)
OF_A_DATABASE = (
    "CREATE TABLE another (id integer)",
    "CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "DROP FUNCTION append_only() CASCADE",
    "SET session_replication_role = replica",
    'SET ROLE "{0}"',
)


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_runs_as_a_role_that_can_change_nothing_but_rows(
    templates: Templates, name: str
) -> None:
    """(That services work so: all tests run them so, `tests/support/system.py`.)"""
    url = await templates.url(service(name))
    connection = await asyncpg.connect(run_url(url))
    try:
        tables = await connection.fetch(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        assert "outbox" in {row[0] for row in tables}
        refused = [one.format(row[0]) for row in tables for one in OF_A_TABLE]
        refused += [one.format(url.rpartition("/")[2]) for one in OF_A_DATABASE]
        for statement in refused:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_service_refuses_a_schema_older_than_its_code(
    kernel: Database, tmp_path: Path
) -> None:
    await require_schema(kernel, [])
    (tmp_path / "next-0001-more.sql").write_text("")
    with pytest.raises(SchemaTooOldError, match="next-0001-more"):
        await require_schema(kernel, [tmp_path])


async def test_migrating_again_changes_nothing(templates: Templates) -> None:
    transfer = service("transfer")
    await migrate(await templates.url(transfer), transfer.migration_folders)
