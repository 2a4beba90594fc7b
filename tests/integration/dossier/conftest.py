"""The service `dossier` of one test: two schools, and a learner whom A has."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from deploy.local.client import School, Sign
from services.dossier.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.integration.dossier.support import Learner, come
from tests.support.pupils import A, B
from tests.support.system import System, running


@pytest.fixture
async def database_urls(
    new_database: Callable[[Service], Awaitable[str]],
) -> Mapping[str, str]:
    """The one database that these tests need."""
    return {service.name: await new_database(service)}


@pytest.fixture
async def dossier(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    async with running([service], database_urls, vhost, keys, sign) as system:
        yield system


@pytest.fixture
async def base(database_urls: Mapping[str, str]) -> AsyncIterator[Database]:
    """The database of the service."""
    opened = await Database.open(database_urls["dossier"], 4)
    yield opened
    await opened.close()


@pytest.fixture
async def a(dossier: System) -> AsyncIterator[School]:
    async with dossier.school(A) as school:
        yield school


@pytest.fixture
async def b(dossier: System) -> AsyncIterator[School]:
    async with dossier.school(B) as school:
        yield school


@pytest.fixture
async def learner(a: School, base: Database) -> Learner:
    """A learner of A without records."""
    return Learner(a, str(await come(base, A)))
