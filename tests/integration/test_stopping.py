"""A part of a service that is told to stop while the broker is away stops at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from deploy.local.client import eventually
from shared.database import Database
from shared.events import TransferWithdrawn
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from tests.faults.proxy import Proxy, through_proxy
from tests.support.messages import LISTENER, Seen, count

AT_ONCE = 2.0
"""Seconds that stopping may take on a busy machine."""

ROLES = ("consume", "publish")


def part(
    role: str, database: Database, amqp_url: str
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """What runs until it is told to stop."""
    if role == "consume":
        return Consumer(LISTENER, database, amqp_url, Seen()).run
    return Relay(LISTENER, database, amqp_url).run


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def tell(database: Database) -> None:
    async with database.transaction() as transaction:
        transaction.publish([TransferWithdrawn(transfer_id=uuid4())])


async def empty(database: Database) -> bool:
    return await count(database, "outbox") == 0


async def refused(proxy: Proxy, times: int) -> None:
    """Wait until a part has tried so often to reach the broker."""

    async def tried() -> bool:
        return proxy.met >= times

    await eventually(tried, "a try to connect")


async def check_it_stops(running: "asyncio.Future[None]", stop: asyncio.Event) -> None:
    begun = time.monotonic()
    stop.set()
    await asyncio.wait_for(running, 30)
    assert time.monotonic() - begun < AT_ONCE


@pytest.mark.parametrize("role", ROLES)
async def test_it_stops_at_once_when_the_broker_was_never_there(
    kernel: Database, vhost: str, role: str
) -> None:
    async with through_proxy(vhost) as (url, proxy):
        proxy.refusing = True
        stop = asyncio.Event()
        running = asyncio.ensure_future(part(role, kernel, url)(stop))
        await refused(proxy, 2)
        await check_it_stops(running, stop)


@pytest.mark.parametrize("role", ROLES)
async def test_it_stops_at_once_when_the_broker_has_gone(
    kernel: Database, vhost: str, role: str
) -> None:
    """Also when something waits to be published, and was tried a few times."""
    async with through_proxy(vhost) as (url, proxy):
        stop = asyncio.Event()
        running = asyncio.ensure_future(part(role, kernel, url)(stop))

        async def connected() -> bool:
            return figure("cpro_broker_connected", role=role) == 1

        await eventually(connected, "the connection")
        if role == "publish":
            await tell(kernel)
            await eventually(lambda: empty(kernel), "an event to be published")
        proxy.refusing = True
        proxy.cut()
        failures = figure("cpro_publish_failures_total")
        await tell(kernel)

        async def failed() -> bool:
            return figure("cpro_publish_failures_total") >= failures + 3

        await (eventually(failed, "tries to publish") if role == "publish" else refused(proxy, 3))
        assert figure("cpro_broker_connected", role=role) == 0
        await check_it_stops(running, stop)
