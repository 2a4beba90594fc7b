"""A database of `notifier` and a mail server for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from services.notifier.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.integration.notifier.support import Ledger
from tests.support.mail import MailServer, mail_server


@pytest.fixture
async def database_url(new_database: Callable[[Service], Awaitable[str]]) -> str:
    return await new_database(service)


@pytest.fixture
async def base(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, 8)
    yield opened
    await opened.close()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as started:
        yield started


@pytest.fixture
def ledger(base: Database, server: MailServer) -> Ledger:
    return Ledger(base, server)
