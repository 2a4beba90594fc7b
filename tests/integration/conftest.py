"""All services that have routes, for the tests that walk over them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.client import Sign
from docs.reference import service
from shared.service import Service
from tests.support.routes import TABLE
from tests.support.system import System, running


@pytest.fixture
async def everyone(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    """All services that have routes, running."""
    services = [service(name) for name in TABLE]
    databases = {one.name: await new_database(one) for one in services}
    async with running(services, databases, vhost, keys, sign) as started:
        yield started
