"""A database that is slow, and a queue that grows: the service takes no more than it can do, stays
where it is in memory, and keeps its connections to the broker.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import asyncpg
import httpx
import pytest

from deploy.local.client import Sign, eventually
from deploy.local.servers import Servers
from services.transfer.__main__ import service
from shared.envelope import BATCH_CONTENT_TYPE, encode
from shared.events import PupilCreated
from shared.messaging import topology
from shared.messaging.consumer import PREFETCH_MESSAGES
from shared.messaging.relay import PACK_EVENTS
from shared.service import Service
from tests.support.processes import Processes, memory, processes
from tests.support.pupils import A, keys, pupil

QUEUE = topology.queue_of(service.name)
ROOM = 40
"""MB above the memory at rest: what the messages in hand and one batch may take."""
WARM = 500
"""Events that a service has handled before it is said to rest: a whole batch."""

Make = Callable[[Service], Awaitable[str]]


@dataclass
class Watched:
    """What the broker, and the system, said of the service from its start on."""

    started: Processes
    broker: httpx.AsyncClient
    vhost: str
    connections: set[tuple[str, str]] = field(default_factory=set)
    """Role and address of each that was ever seen."""
    in_hand: int = 0
    memory: float = 0
    longest_answer: float = 0

    async def look(self) -> None:
        """Keep every connection that was ever seen, and the worst of all else."""
        for one in await self._connections():
            role = one["client_properties"].get("connection_name", "")
            if role.startswith(service.name):
                self.connections.add((role, one["name"]))
        waiting = (await self._queue()).get("messages_unacknowledged", 0)
        self.in_hand = max(self.in_hand, waiting)
        self.memory = max(self.memory, memory(self.started, service.name))
        begun = asyncio.get_running_loop().time()
        await self.metrics()
        taken = asyncio.get_running_loop().time() - begun
        self.longest_answer = max(self.longest_answer, taken)

    async def metrics(self) -> dict[str, float]:
        """The figures of the service."""
        async with httpx.AsyncClient(timeout=30) as http:
            text = (await http.get(f"{self.started.urls[service.name]}/metrics")).text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def handled(self) -> int:
        """Events that were new in a batch that was committed."""
        return int((await self.metrics())["cpro_batch_events_sum"])

    async def emptied(self) -> bool:
        """Whether the queue holds nothing, acknowledged or not."""
        return (await self._queue()).get("messages", 1) == 0

    async def _queue(self) -> dict[str, int]:
        answer = await self.broker.get(f"/api/queues/{quote(self.vhost, safe='')}/{QUEUE}")
        found: dict[str, int] = answer.raise_for_status().json()
        return found

    async def _connections(self) -> list[dict[str, Any]]:
        answer = await self.broker.get(f"/api/vhosts/{quote(self.vhost, safe='')}/connections")
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found


@asynccontextmanager
async def watching(watched: Watched) -> AsyncIterator[None]:
    """Look twice a second while the block runs."""

    async def look() -> None:
        while True:
            await watched.look()
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(look())
        yield
        task.cancel()


@pytest.fixture
async def watched(
    new_database: Make, vhost: str, servers: Servers, keys: Path, sign: Sign, tmp_path: Path
) -> AsyncIterator[Watched]:
    """`transfer` as a process, warmed up by a batch."""
    urls: Mapping[str, str] = {service.name: await new_database(service)}
    async with (
        processes(urls, vhost, keys, sign, tmp_path) as started,
        httpx.AsyncClient(base_url=servers.rabbitmq_api_url or "", timeout=30) as broker,
    ):
        yield Watched(started, broker, vhost.rpartition("/")[2])


async def publish(amqp_url: str, first: int, count: int) -> None:
    """Have learners arrive at a school, told as a busy relay tells it."""
    now = dt.datetime.now(dt.UTC)
    async with topology.connect(amqp_url, "test", "publish") as connection:
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
        for start in range(first, first + count, PACK_EVENTS):
            numbers = range(start, min(start + PACK_EVENTS, first + count))
            texts = [encode(_arrival(number), None, now)[1] for number in numbers]
            body = f"[{','.join(texts)}]".encode()
            message = aio_pika.Message(body, content_type=BATCH_CONTENT_TYPE)
            await exchange.publish(message, PupilCreated.type)


def _arrival(number: int) -> PupilCreated:
    own = {"ine_key": number.to_bytes(16), "birth_key": number.to_bytes(16)}
    event = pupil(PupilCreated, A, keys(1).model_copy(update=own))
    assert isinstance(event, PupilCreated)
    return event


@asynccontextmanager
async def locked(database_url: str) -> AsyncIterator[None]:
    """The database lets nobody take an event in while the block runs."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def slow(database_url: str, seconds: float) -> None:
    """Have every batch wait in the database."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        f"""
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep({seconds:f});
            RETURN NULL;
        END $$;
        CREATE TRIGGER wait AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION wait();
        """
    )
    await connection.close()


async def counted(database_url: str) -> dict[str, int]:
    """Rows of what events leave behind."""
    connection = await asyncpg.connect(database_url)
    tables = ("inbox", "presence", "parked")
    found = {one: await connection.fetchval(f"SELECT count(*) FROM {one}") for one in tables}
    await connection.close()
    return found


@pytest.mark.parametrize(
    ("events", "locked_seconds", "batch_seconds"),
    [
        (5_000, 6, 0.1),
        # More than three heartbeats, and than two statements that time out.
        pytest.param(100_000, 75, 0.2, marks=pytest.mark.long),
    ],
)
async def test_a_service_whose_database_is_slow_neither_grows_nor_loses_its_broker(
    watched: Watched, events: int, locked_seconds: float, batch_seconds: float
) -> None:
    amqp_url = watched.started.amqp_url
    database_url = watched.started.database_urls[service.name]
    await publish(amqp_url, 0, WARM)
    await eventually(lambda: _is(watched.handled, WARM), "the first events to be handled")
    rest = memory(watched.started, service.name)
    await slow(database_url, batch_seconds)
    async with watching(watched):
        async with locked(database_url):
            await publish(amqp_url, WARM, events)
            await asyncio.sleep(locked_seconds)
            assert await watched.handled() == WARM, "nothing passes the lock"
        whole = WARM + events
        seconds = 60 + events / 200
        await eventually(lambda: _is(watched.handled, whole), "all events", seconds=seconds)
        await eventually(watched.emptied, "the queue to be empty")
    print(
        f"\n{events} events: {rest:.0f} MB at rest, {watched.memory:.0f} MB at the worst, "
        f"{watched.in_hand} messages in hand, longest answer {watched.longest_answer:.2f} s"
    )
    assert await counted(database_url) == {"inbox": whole, "presence": whole, "parked": 0}
    assert await watched.handled() == whole, "each is handled once"
    assert 0 < watched.in_hand <= PREFETCH_MESSAGES
    assert watched.memory < rest + ROOM
    roles = sorted(role for role, _ in watched.connections)
    assert roles == ["transfer consume", "transfer publish"], "none was lost and came back"


async def _is(asked: Callable[[], Awaitable[int]], number: int) -> bool:
    return await asked() == number
