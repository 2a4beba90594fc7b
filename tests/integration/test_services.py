"""Every service starts, says that it is ready, and stops cleanly when told to."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.local.client import Sign
from deploy.local.servers import Servers, create_database, drop_database
from docs.reference import SERVICES, service
from shared.database import migrate
from tests.support.processes import Processes


@pytest.fixture(params=SERVICES)
async def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def fleet(
    name: str, servers: Servers, vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> AsyncIterator[Processes]:
    database = f"{name}_{secrets.token_hex(4)}"
    url = await create_database(servers, database)
    await migrate(url, service(name).migration_folders)
    started = Processes({name: url}, vhost, keys, sign, tmp_path)
    try:
        yield started
    finally:
        for process in started.running.values():
            process.kill()
            await process.wait()
    await drop_database(servers, database)


async def test_a_service_starts_tells_its_state_and_stops(fleet: Processes, name: str) -> None:
    await fleet.start(name)
    async with httpx.AsyncClient(base_url=fleet.urls[name]) as http:
        assert (await http.get("/health/live")).json() == {"status": "up"}
        ready = await http.get("/health/ready")
        assert ready.json() == {"database": "up"}
        assert ready.headers["X-Content-Type-Options"] == "nosniff"
        assert "cpro_events_published" in (await http.get("/metrics")).text
    await fleet.stop(name)
