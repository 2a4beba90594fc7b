"""Databases of tests: one a service is migrated, the others are copies of it; what they hold."""

import asyncio
import secrets
from collections.abc import Collection

import asyncpg

from deploy.local.servers import Servers, create_database
from shared.database import Connection, Database, migrate
from shared.service import Service


class Templates:
    """A migrated database of each service that a test has asked for, to be copied."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._made: dict[str, asyncio.Task[str]] = {}

    async def copy(self, service: Service) -> str:
        """The URL of a fresh database of a service, owned by the role of its template."""
        base, _, template = (await self.url(service)).rpartition("/")
        name = f"{service.name}_{secrets.token_hex(4)}"
        await self._say(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{template}"')
        return f"{base}/{name}"

    async def drop(self, url: str) -> None:
        """Remove a copy."""
        await self._say(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    async def _say(self, statement: str) -> None:
        admin = await asyncpg.connect(self._servers.postgres_url)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    async def url(self, service: Service) -> str:
        """The URL of the service's template."""
        if service.name not in self._made:
            self._made[service.name] = asyncio.create_task(self._make(service))
        return await self._made[service.name]

    async def _make(self, service: Service) -> str:
        name = f"template_{service.name}_{secrets.token_hex(4)}"
        url = await create_database(self._servers, name)
        await migrate(url, service.migration_folders)
        return url


async def histories(connection: Connection) -> list[str]:
    """The tables of a service that it may only add to."""
    rows = await connection.fetch(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' ORDER BY 1"
    )
    return [row[0] for row in rows]


async def let_histories_go(database: Database) -> None:
    """Let rows of histories be removed before their time: tests play on another day than the one
    of the database's clock, or empty a database for the next of them.
    """
    async with database.connection() as connection:
        for table in await histories(connection):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


async def dump(url: str, without: Collection[str] = ()) -> bytes:
    """Every row of every table of a database but those named, as text; bytes stand there in
    hexadecimal.
    """
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        rows = [
            row[0]
            for table in tables
            if table[0] not in without
            for row in await connection.fetch(f'SELECT t::text FROM "{table[0]}" t')
        ]
    finally:
        await connection.close()
    return "\n".join(rows).encode()
