"""`gateway` with those who know the rights, and a provider that says what a test wants."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.local.client import Sign
from deploy.local.seed import Seed
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
)
from services.etablissement.__main__ import service as etablissement
from services.gateway.__main__ import service as gateway
from services.inspector_access.__main__ import service as inspector_access
from services.siecle_import.__main__ import service as siecle_import
from shared.database import Database, migrate
from tests.integration.gateway.support import Place
from tests.support.provider import FakeProvider, provided
from tests.support.system import TODAY, running

SERVICES = (etablissement, inspector_access, siecle_import, gateway)


@pytest.fixture(scope="package")
async def provider() -> AsyncIterator[FakeProvider]:
    async with provided() as made:
        yield made


@pytest.fixture(scope="package")
async def started_place(
    servers: Servers, keys: Path, sign: Sign, provider: FakeProvider
) -> AsyncIterator[Place]:
    names = {one.name: f"gw_{one.name}_{secrets.token_hex(4)}" for one in SERVICES}
    urls = {name: await create_database(servers, own) for name, own in names.items()}
    for one in SERVICES:
        await migrate(urls[one.name], one.migration_folders)
    vhost = await create_vhost(servers, f"gw-{secrets.token_hex(4)}")
    own = {"oidc_issuer": provider.issuer, "person_key_file": keys / "signing.jwk"}
    async with running(SERVICES, urls, vhost, keys, sign, {"gateway": own}) as system:
        told = {
            "CPRO_DATABASE_URL": urls["etablissement"], "CPRO_AMQP_URL": vhost,
            "CPRO_ENVIRONMENT": "local", "CPRO_TODAY": TODAY.isoformat(),
        }  # fmt: skip
        await Seed(system.urls, sign).everything(told)
        database = await Database.open(urls["gateway"], 2)
        yield Place(system, provider, database)
        await database.close()
    await delete_vhost(servers, vhost.rpartition("/")[2])
    for name in names.values():
        await drop_database(servers, name)


@pytest.fixture
async def place(started_place: Place) -> AsyncIterator[Place]:
    provider = started_place.provider
    provider.claims = {"sub": "direction", "email": "direction@demo.example"}
    provider.published = None
    await started_place.database.pool.execute("TRUNCATE sessions, sign_ins, attempts")
    async with httpx.AsyncClient(base_url=started_place.system.urls["gateway"]) as http:
        started_place.http = http
        yield started_place


@pytest.fixture
async def registry(place: Place) -> AsyncIterator[Database]:
    """The base in which rights live."""
    base = await Database.open(place.system.database_urls["etablissement"], 1)
    yield base
    await base.close()
