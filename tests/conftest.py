"""One pair of servers for the session; databases and a virtual host of its own for each test."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.client import Sign
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
    running_servers,
)
from deploy.local.tokens import Signer
from deploy.local.tokens import signer as make_signer
from shared.database import KERNEL_MIGRATIONS, Database, migrate
from tests.support.system import CHAIN, System, running


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the embedded servers keep their data."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def servers(servers_folder: Path) -> Iterator[Servers]:
    """PostgreSQL and RabbitMQ: those of `CPRO_POSTGRES_URL` and `CPRO_AMQP_URL`, or embedded."""
    with running_servers(servers_folder, durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def broker_folder(servers: Servers, servers_folder: Path) -> Path | None:
    """The disk of the broker, if it is embedded."""
    return None if "CPRO_AMQP_URL" in os.environ else servers_folder / "rabbitmq"


@pytest.fixture(scope="session")
async def templates(servers: Servers) -> Mapping[str, str]:
    """The URL of a migrated database of each service of the chain, to be copied."""
    urls = {}
    for service in CHAIN:
        urls[service.name] = await create_database(
            servers, f"template_{service.name}_{secrets.token_hex(4)}"
        )
        await migrate(urls[service.name], service.migration_folders)
    return urls


@asynccontextmanager
async def _admin(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(servers.postgres_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def database_urls(
    servers: Servers, templates: Mapping[str, str]
) -> AsyncIterator[Mapping[str, str]]:
    """A fresh database of each service of the chain, owned by the role of its template."""
    suffix = secrets.token_hex(4)

    async def copy(service: str, url: str) -> tuple[str, str]:
        base, _, template = url.rpartition("/")
        async with _admin(servers) as admin:
            await admin.execute(
                f'CREATE DATABASE "{service}_{suffix}" TEMPLATE "{template}" OWNER "{template}"'
            )
        return service, f"{base}/{service}_{suffix}"

    async def drop(service: str) -> None:
        async with _admin(servers) as admin:
            await admin.execute(f'DROP DATABASE "{service}_{suffix}" WITH (FORCE)')

    yield dict(await asyncio.gather(*(copy(*template) for template in templates.items())))
    await asyncio.gather(*(drop(service) for service in templates))


@pytest.fixture
async def vhost(servers: Servers) -> AsyncIterator[str]:
    """The URL of a virtual host of this test."""
    name = f"test-{secrets.token_hex(4)}"
    yield await create_vhost(servers, name)
    await delete_vhost(servers, name)


@pytest.fixture
async def kernel(servers: Servers) -> AsyncIterator[Database]:
    """A database with the kernel's tables only."""
    name = f"kernel_{secrets.token_hex(4)}"
    url = await create_database(servers, name)
    await migrate(url, [KERNEL_MIGRATIONS])
    database = await Database.open(url, 8)
    yield database
    await database.close()
    await drop_database(servers, name)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """The keys of the tests: one that signs as the gateway does, and those of the services."""
    return make_signer(tmp_path_factory.mktemp("keys"), [service.name for service in CHAIN])


@pytest.fixture(scope="session")
def sign(signer: Signer) -> Sign:
    """Signs tokens as the gateway does; claims given replace the usual ones."""
    return signer.token


@pytest.fixture(scope="session")
def keys(signer: Signer) -> Path:
    """A folder with the keys and the secret of the match keys."""
    folder = signer.jwks_file.parent
    (folder / "match.key").write_bytes(secrets.token_bytes(32))
    return folder


@pytest.fixture
async def system(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    """`siecle_import`, `transfer` and `dossier`, running."""
    async with running(CHAIN, database_urls, vhost, keys, sign) as started:
        yield started
