"""The service `etablissement`, started once; each test begins with an empty registry."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.client import Sign
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
)
from services.etablissement.__main__ import service
from shared.database import Database, migrate
from tests.support.databases import let_histories_go
from tests.support.registry import Registry
from tests.support.system import running


@pytest.fixture(scope="package")
async def started_registry(servers: Servers, keys: Path, sign: Sign) -> AsyncIterator[Registry]:
    name = f"{service.name}_{secrets.token_hex(4)}"
    url, vhost = await create_database(servers, name), await create_vhost(servers, name)
    await migrate(url, service.migration_folders)
    async with running([service], {service.name: url}, vhost, keys, sign) as system:
        database = await Database.open(url, 4)
        made = Registry(system, database)
        await made.listen()
        await let_histories_go(database)
        yield made
        await made.http.aclose()
        await database.close()
    await delete_vhost(servers, name)
    await drop_database(servers, name)


@pytest.fixture
async def registry(started_registry: Registry) -> Registry:
    await started_registry.database.pool.execute(
        """
        TRUNCATE school, person, right_change, directory_import, idempotency, told_events
        RESTART IDENTITY CASCADE
        """
    )
    return started_registry
