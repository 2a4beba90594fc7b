"""A database of `transfer`, and its handler called as the consumer calls it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from services.transfer import acting
from services.transfer.__main__ import service
from services.transfer.handlers import handle
from services.transfer.store import schools
from shared.database import Database
from shared.events import Event
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from shared.service import Service


class Transfer:
    """The service without its HTTP and broker."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def take(self, *events: Event) -> None:
        """Handle events in one batch."""
        async with self.database.transaction() as transaction:
            await handle(transaction, Batch(events))

    async def switch(self, uai: Uai, *, active: bool) -> None:
        """Set a school's switch, as the API does."""
        async with self.database.transaction() as transaction:
            present = await schools.participation(transaction.connection, uai)
            version = present["version"] if present else 0
            await acting.switch(transaction, uai, version, "test", active=active)

    async def transfers(self) -> list[dict[str, Any]]:
        """All transfers, oldest first."""
        async with self.database.connection() as connection:
            return [dict(r) for r in await connection.fetch("SELECT * FROM transfer ORDER BY id")]

    async def published(self, kind: type[Event]) -> int:
        """How many events of a type stand in the outbox."""
        async with self.database.connection() as connection:
            number: int = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE routing_key = $1", kind.type
            )
            return number


@pytest.fixture
async def database_urls(
    new_database: Callable[[Service], Awaitable[str]],
) -> Mapping[str, str]:
    """The one database that these tests need."""
    return {service.name: await new_database(service)}


@pytest.fixture
async def transfer(database_urls: Mapping[str, str]) -> AsyncIterator[Transfer]:
    database = await Database.open(database_urls["transfer"], 8)
    yield Transfer(database)
    await database.close()
