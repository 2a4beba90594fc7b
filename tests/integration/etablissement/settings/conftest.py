"""The service `etablissement`, running, with two schools in its registry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.client import Sign
from services.etablissement.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.integration.etablissement.settings.support import Schools
from tests.support.pupils import A, B
from tests.support.system import running


@pytest.fixture
async def schools(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[Schools]:
    url = await new_database(service)
    database = await Database.open(url, 4)
    async with database.connection() as connection:
        await connection.execute("INSERT INTO school (uai) SELECT unnest($1::text[])", [A, B])
    async with (
        running([service], {service.name: url}, vhost, keys, sign) as system,
        Schools.of(system, database) as made,
    ):
        yield made
    await database.close()
