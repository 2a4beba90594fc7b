"""The service `etablissement`, running, with nothing in its registry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.client import Sign
from services.etablissement.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.support.registry import Registry
from tests.support.system import running


@pytest.fixture
async def registry(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[Registry]:
    url = await new_database(service)
    async with running([service], {service.name: url}, vhost, keys, sign) as system:
        database = await Database.open(url, 4)
        made = Registry(system, database)
        await made.listen()
        yield made
        await made.http.aclose()
        await database.close()
