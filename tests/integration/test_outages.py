"""Connections that are cut, again and again: the flow resumes by itself, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from deploy.local.client import School, eventually
from deploy.local.servers import Servers
from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.system import System

Cut = Callable[[], Awaitable[None]]


@pytest.fixture
def cut_database(servers: Servers, system: System) -> Cut:
    """Ends every connection of the services to their databases."""
    names = [url.rpartition("/")[2] for url in system.database_urls.values()]

    async def cut() -> None:
        admin = await asyncpg.connect(servers.postgres_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)", names
        )
        await admin.close()

    return cut


@pytest.fixture
def cut_broker(servers: Servers, system: System) -> Cut:
    """Ends every connection of the services to the broker."""
    vhost = system.amqp_url.rpartition("/")[2]

    async def cut() -> None:
        async with httpx.AsyncClient(base_url=servers.rabbitmq_api_url or "") as api:
            for connection in (await api.get(f"/api/vhosts/{vhost}/connections")).json():
                await api.delete(f"/api/connections/{connection['name']}")

    return cut


@asynccontextmanager
async def repeated(cut: Cut) -> AsyncIterator[None]:
    """Cut a few times a second while the block runs."""

    async def repeat() -> None:
        while True:
            await cut()
            await asyncio.sleep(0.25)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_records_follow_while_connections_to_the_databases_are_cut(
    system: System, cut_database: Cut
) -> None:
    async with system.school(A) as a, system.school(B) as b:
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        first = await a.send_file(SAMPLES / "A_import2_absent.xml")
        second = await b.send_file(SAMPLES / "B_import2_arrive.xml")
        async with repeated(cut_database):
            for school, ready in ((a, first), (b, second)):
                route = f"/imports/{ready['id']}/confirm"

                async def confirmed(school: School = school, route: str = route) -> bool:
                    answer = await school.call("siecle_import", "POST", route, json={})
                    assert answer.status_code in {202, 409, 503}, answer.text
                    return answer.is_success or answer.status_code == httpx.codes.CONFLICT

                await eventually(confirmed, "the confirmation to pass")
            await asyncio.sleep(1)
        await check_moved(a, b, old)


async def test_the_records_follow_while_connections_to_the_broker_are_cut(
    system: System, cut_broker: Cut
) -> None:
    async with system.school(A) as a, system.school(B) as b:
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        async with repeated(cut_broker):
            await a.import_file(SAMPLES / "A_import2_absent.xml")
            await b.import_file(SAMPLES / "B_import2_arrive.xml")
            await asyncio.sleep(1)
        await check_moved(a, b, old)
