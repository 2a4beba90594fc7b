"""The service `inspector_access` of one test, alone or beside the owners of the data."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.client import Sign
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
)
from services.dossier.__main__ import service as dossier
from services.inspector_access.__main__ import service as inspector_access
from services.inspector_access.store import single_file
from services.siecle_import.__main__ import service as siecle_import
from shared.database import Database, migrate
from shared.service import Service
from tests.integration.inspector_access.support import Access
from tests.support.databases import let_histories_go
from tests.support.system import System, running

_KEEP = """
    CREATE TABLE told_event (LIKE outbox);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO told_event SELECT NEW.*; RETURN NULL; END';
    CREATE TRIGGER keep AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep();
"""


@asynccontextmanager
async def _access(system: System) -> AsyncIterator[Access]:
    """The service, whose events all stay in a table `told_event`."""
    database = await Database.open(system.database_urls["inspector_access"], 4)
    async with database.connection() as connection:
        await connection.execute(_KEEP)
    await let_histories_go(database)
    async with httpx.AsyncClient(base_url=system.urls["inspector_access"]) as http:
        yield Access(system, database, http)
    await database.close()


@pytest.fixture(scope="package")
async def alone(servers: Servers, keys: Path, sign: Sign) -> AsyncIterator[Access]:
    """`inspector_access` alone, started once for these tests."""
    name = f"inspectors_{secrets.token_hex(4)}"
    url, vhost = await create_database(servers, name), await create_vhost(servers, name)
    await migrate(url, inspector_access.migration_folders)
    only = [inspector_access]
    urls = {"inspector_access": url}
    async with running(only, urls, vhost, keys, sign) as system, _access(system) as made:
        yield made
    await delete_vhost(servers, name)
    await drop_database(servers, name)


@pytest.fixture
async def access(alone: Access) -> Access:
    """The same, emptied."""
    async with alone.database.transaction() as transaction:
        connection = transaction.connection
        await single_file(connection)  # so that it does not meet a look at the calendar
        tables = await connection.fetchval(
            """
            SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
            WHERE schemaname = 'public' AND tablename NOT LIKE '\\_pogo%'
            """
        )
        await connection.execute(f"TRUNCATE {tables}")
    return alone


@pytest.fixture
async def console(
    new_database: Callable[[Service], Awaitable[str]],
    database_urls: Mapping[str, str],
    vhost: str,
    keys: Path,
    sign: Sign,
) -> AsyncIterator[Access]:
    """The same beside `siecle_import` and `dossier`."""
    urls = {**database_urls, "inspector_access": await new_database(inspector_access)}
    chain = [siecle_import, dossier, inspector_access]
    async with running(chain, urls, vhost, keys, sign) as system, _access(system) as made:
        yield made
