"""One pair of servers for the session; databases and a virtual host of its own for each test."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

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
from deploy.local.stack import SERVICES
from deploy.local.tokens import Signer
from deploy.local.tokens import signer as make_signer
from shared.database import KERNEL_MIGRATIONS, Database, migrate
from shared.service import Service
from tests.support.databases import Templates
from tests.support.system import CHAIN, System, running

IN_CONTAINERS = os.environ.get("TEST_BACKEND") == "containers"


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the embedded servers keep their data."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def servers(servers_folder: Path) -> Iterator[Servers]:
    """PostgreSQL and RabbitMQ: those of `CPRO_POSTGRES_URL` and `CPRO_AMQP_URL`, or embedded; with
    `TEST_BACKEND=containers`, in containers.
    """
    if IN_CONTAINERS:
        from tests.support.containers import containers  # only where there are some

        with containers() as started:
            yield started
    else:
        with running_servers(servers_folder, durable=False) as started:
            yield started


@pytest.fixture(scope="session")
def broker_folder(servers: Servers, servers_folder: Path) -> Path | None:
    """The disk of the broker, if it is embedded."""
    elsewhere = IN_CONTAINERS or "CPRO_AMQP_URL" in os.environ
    return None if elsewhere else servers_folder / "rabbitmq"


@pytest.fixture(scope="session")
def templates(servers: Servers) -> Templates:
    """The databases that tests are given copies of."""
    return Templates(servers)


@pytest.fixture
async def new_database(
    templates: Templates,
) -> AsyncIterator[Callable[[Service], Awaitable[str]]]:
    """Makes a fresh database of a service; answers its URL."""
    made: list[str] = []

    async def make(service: Service) -> str:
        made.append(await templates.copy(service))
        return made[-1]

    yield make
    await asyncio.gather(*(templates.drop(url) for url in made))


@pytest.fixture
async def database_urls(
    new_database: Callable[[Service], Awaitable[str]],
) -> Mapping[str, str]:
    """A fresh database of each service of the chain, by its name."""
    urls = await asyncio.gather(*(new_database(service) for service in CHAIN))
    return dict(zip((service.name for service in CHAIN), urls, strict=True))


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
    return make_signer(tmp_path_factory.mktemp("keys"), SERVICES)


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
