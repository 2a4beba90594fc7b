"""The whole local stack, the story played on it, and all that it left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local import kept
from deploy.local.client import eventually
from deploy.local.seed import Seed
from deploy.local.stack import SERVICES, Stack, running_stack
from tests.integration.identity.story import Story, counted
from tests.integration.identity.wire import Wire
from tests.support.databases import dump
from tests.support.system import TODAY

SERVERS = ("CPRO_POSTGRES_URL", "CPRO_AMQP_URL", "CPRO_SMTP_HOST")


@dataclass(frozen=True)
class Traces:
    """What the story left: dumps and figures by service, the folder of the stack (which has been
    stopped), the number of each service's database, and what went over the wire.
    """

    story: Story
    dumps: Mapping[str, bytes]
    metrics: Mapping[str, bytes]
    databases: Mapping[str, int]
    folder: Path
    wire: Wire

    def files(self, where: str) -> dict[str, bytes]:
        """The files below a folder of the stack, by their path there."""
        folder = self.folder / where
        found = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
async def left(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traces]:
    """The story, played once."""
    if any(name in os.environ for name in SERVERS):
        pytest.skip("the servers are not of this session's making: their disks are out of reach")
    folder = tmp_path_factory.mktemp("identity") / "stack"
    files = tmp_path_factory.mktemp("sent")
    async with Wire() as wire:
        async with stack_behind(wire, folder) as (stack, urls):
            await seeded(stack)
            story = Story(urls, stack.token, stack.environments, stack.databases, files)
            await story.play()
            await quiet(stack)
            dumps = {name: await dump(database_url(stack, name)) for name in SERVICES}
            metrics = {name: await figures(url) for name, url in stack.urls.items()}
            databases = {name: await number(database_url(stack, name)) for name in SERVICES}
        yield Traces(story, dumps, metrics, databases, folder, wire)


@asynccontextmanager
async def stack_behind(wire: Wire, folder: Path) -> AsyncIterator[tuple[Stack, Mapping[str, str]]]:
    """The local stack with every address, its own too, behind the wire; it is started and stopped
    by a thread of its own, because both take long.
    """
    urls = {name: await wire.before(kept.port(folder, name)) for name in SERVICES}
    told = {f"CPRO_{name.upper()}_URL": url for name, url in urls.items()}
    told |= {
        "CPRO_PUBLIC_URL": urls["gateway"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": await wire.collector(),
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    running = running_stack(folder, today=TODAY, environment=told)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1) as thread:
        stack = await loop.run_in_executor(thread, running.__enter__)
        try:
            yield stack, urls
        finally:
            await loop.run_in_executor(thread, running.__exit__, None, None, None)


async def seeded(stack: Stack) -> None:
    """The schools, people and diplomas of the demonstration."""
    seed = Seed(stack.urls, stack.token)
    await seed.everything(stack.environments["etablissement"])
    await seed.further()


def database_url(stack: Stack, service: str) -> str:
    """The database of a service, for its owner."""
    return stack.databases[service]


async def quiet(stack: Stack) -> None:
    """Wait until every event has left, and every queue is empty."""
    for name in SERVICES:
        url = database_url(stack, name)

        async def sent(url: str = url) -> bool:
            return await counted(url, "outbox") == 0

        await eventually(sent, f"the events of {name} to leave", seconds=60)

    async def taken() -> bool:
        async with httpx.AsyncClient(base_url=stack.servers.rabbitmq_api_url or "") as api:
            queues = (await api.get("/api/queues")).json()
        return all(queue.get("messages", 1) == 0 for queue in queues)

    await eventually(taken, "the queues to be empty", seconds=60)


async def number(url: str) -> int:
    """The number of a database, which is the name of its folder."""
    connection = await asyncpg.connect(url)
    query = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()"
    found: int = await connection.fetchval(query)
    await connection.close()
    return found


async def figures(url: str) -> bytes:
    """The metrics of a service."""
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{url}/metrics")).raise_for_status().content
