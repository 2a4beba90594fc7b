"""Servers, databases and virtual hosts of a measurement: made for it, and gone after it."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
    running_servers,
)
from shared.database import Database, migrate


@contextmanager
def servers() -> Iterator[Servers]:
    """PostgreSQL, which waits for the disk at each commit, and RabbitMQ; those of the environment
    if it names them.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder, "servers")) as started,
    ):
        yield started


@asynccontextmanager
async def database_url(running: Servers) -> AsyncIterator[str]:
    """The URL of an empty database."""
    name = f"bench_{secrets.token_hex(4)}"
    yield await create_database(running, name)
    await drop_database(running, name)


@asynccontextmanager
async def database(
    running: Servers, migrations: Sequence[Path], connections: int = 4
) -> AsyncIterator[Database]:
    """A database with these migrations."""
    async with database_url(running) as url:
        await migrate(url, migrations)
        opened = await Database.open(url, connections)
        try:
            yield opened
        finally:
            await opened.close()


@asynccontextmanager
async def vhost(running: Servers) -> AsyncIterator[str]:
    """The AMQP URL of a virtual host."""
    name = f"bench-{secrets.token_hex(4)}"
    yield await create_vhost(running, name)
    await delete_vhost(running, name)
