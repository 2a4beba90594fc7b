"""A connection that is cut while a service sets itself up on it: it begins anew, by itself."""

import asyncio
from uuid import uuid4

import pytest

from deploy.local.client import eventually
from shared.database import Database
from shared.events import TransferWithdrawn
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from tests.faults.proxy import through_proxy
from tests.support.messages import LISTENER, Seen, consuming

DECLARE, CONFIRM_SELECT, CONSUME = b"\x00\x32\x00\x0a", b"\x00\x55\x00\x0a", b"\x00\x3c\x00\x14"
"""Class and method of AMQP 0-9-1, as they stand in a frame."""


@pytest.mark.parametrize("asked", [DECLARE, CONFIRM_SELECT, CONSUME])
async def test_a_connection_cut_before_it_is_set_up_is_set_up_again(
    kernel: Database, vhost: str, asked: bytes
) -> None:
    event, seen, stop = TransferWithdrawn(transfer_id=uuid4()), Seen(), asyncio.Event()
    async with kernel.transaction() as transaction:
        transaction.publish([event])
    async with through_proxy(vhost) as (url, proxy), asyncio.TaskGroup() as group:
        losing = group.create_task(proxy.lose_answers(asked, 1, 20))
        group.create_task(Relay("test", kernel, url).run(stop))

        async def arrived() -> bool:
            return event.transfer_id in seen.ids

        async with consuming(Consumer(LISTENER, kernel, url, seen)):
            await eventually(arrived, "the event")
        assert await losing == 1
        stop.set()
