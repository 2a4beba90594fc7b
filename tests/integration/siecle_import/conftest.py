"""The service `siecle_import` of one test, and a school that imports."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from deploy.local.client import School, Sign
from services.siecle_import.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.support.system import System, running

UAI = "9990001X"


@pytest.fixture
async def database_urls(
    new_database: Callable[[Service], Awaitable[str]],
) -> Mapping[str, str]:
    """The one database that these tests need."""
    return {service.name: await new_database(service)}


@pytest.fixture
async def importing(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    async with running([service], database_urls, vhost, keys, sign) as system:
        yield system


@pytest.fixture
async def school(importing: System) -> AsyncIterator[School]:
    async with importing.school(UAI) as found:
        yield found


@pytest.fixture
async def base(importing: System) -> AsyncIterator[Database]:
    """The database of the service, to look at; all events that it tells stay in a table `told`."""
    opened = await Database.open(importing.database_urls["siecle_import"], 4)
    async with opened.connection() as connection:
        await connection.execute(
            """
            CREATE TABLE told (LIKE outbox);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO told SELECT NEW.*; RETURN NULL; END';
            CREATE TRIGGER keep AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep();
            """
        )
    yield opened
    await opened.close()


@pytest.fixture
def environment(database_urls: Mapping[str, str], keys: Path) -> dict[str, str]:
    """What the commands of the service are told."""
    return {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_TODAY": "2026-01-20",
        "CPRO_DATABASE_URL": database_urls["siecle_import"],
        "CPRO_AMQP_URL": "amqp://nowhere",
        "CPRO_MATCH_KEY_FILE": str(keys / "match.key"),
    }
