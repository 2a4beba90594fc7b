"""Nothing lost, nothing done twice: outbox, relay, consumer and parked events on real servers."""

import asyncio
import json
from collections.abc import Sequence
from uuid import uuid4

import aio_pika
import pytest

from deploy.local.client import eventually
from shared.database import Database, Transaction
from shared.envelope import BATCH_CONTENT_TYPE, CONTENT_TYPE, encode
from shared.events import DossierTransferred, Event, TransferWithdrawn
from shared.messaging import topology
from shared.messaging.consumer import Batch, Consumer
from shared.messaging.relay import PACK_EVENTS, NotConfirmedError, Relay, packs, take
from tests.support.messages import LISTENER, NOW, Seen, consuming, count, exchange_of, message_of


async def write(database: Database, events: Sequence[Event]) -> None:
    async with database.transaction() as transaction:
        transaction.publish(events)


def some(number: int) -> list[Event]:
    return [TransferWithdrawn(transfer_id=uuid4()) for _ in range(number)]


async def queue_depth(amqp_url: str, queue: str) -> int:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def test_an_event_is_published_only_if_its_transaction_commits(kernel: Database) -> None:
    async def fails() -> None:
        async with kernel.transaction() as transaction:
            transaction.publish(some(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await count(kernel, "outbox") == 0
    await write(kernel, some(1))
    assert await count(kernel, "outbox") == 1


async def test_the_relay_packs_and_empties_the_outbox(kernel: Database, vhost: str) -> None:
    await write(kernel, some(250))
    async with exchange_of(vhost) as exchange:
        assert await Relay("test", kernel, vhost).relay_once(exchange) == 250
    assert await count(kernel, "outbox") == 0
    assert await queue_depth(vhost, topology.queue_of(LISTENER)) == 3


async def test_an_unroutable_event_stays_in_the_outbox(kernel: Database, vhost: str) -> None:
    await write(kernel, some(1))
    async with exchange_of(vhost) as exchange:
        async with await aio_pika.connect(vhost) as connection:
            queue = await (await connection.channel()).get_queue(topology.queue_of(LISTENER))
            await queue.delete(if_unused=False, if_empty=False)
        with pytest.raises(NotConfirmedError):
            await Relay("test", kernel, vhost).relay_once(exchange)
    assert await count(kernel, "outbox") == 1


async def test_two_relays_share_the_work_without_sending_twice(
    kernel: Database, vhost: str
) -> None:
    await write(kernel, some(300))
    seen = Seen()
    async with exchange_of(vhost) as one, exchange_of(vhost) as two:
        relay = Relay("test", kernel, vhost)
        await asyncio.gather(relay.relay_once(one), relay.relay_once(two))
    async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
        await eventually(lambda: _has(len(seen.ids) == 300), "300 events")
    assert len(set(seen.ids)) == 300


async def _has(condition: bool) -> bool:
    return condition


async def test_an_event_delivered_twice_has_its_effect_once(kernel: Database, vhost: str) -> None:
    event = TransferWithdrawn(transfer_id=uuid4())
    last = TransferWithdrawn(transfer_id=uuid4())
    _, text = encode(event, None, NOW)
    seen = Seen()
    async with exchange_of(vhost) as exchange:
        for body in (text, text, encode(last, None, NOW)[1]):
            await exchange.publish(
                aio_pika.Message(body.encode(), content_type=CONTENT_TYPE), event.type
            )
        async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
            await eventually(lambda: _has(last.transfer_id in seen.ids), "the last event")
    assert seen.ids.count(event.transfer_id) == 1
    assert await queue_depth(vhost, topology.queue_of(LISTENER)) == 0


async def test_an_event_that_fails_is_parked_and_its_neighbours_are_handled(
    kernel: Database, vhost: str
) -> None:
    events = [TransferWithdrawn(transfer_id=uuid4()) for _ in range(3)]
    seen = Seen(refuse=[events[1].transfer_id])
    async with exchange_of(vhost) as exchange:
        await write(kernel, events)
        await Relay("test", kernel, vhost).relay_once(exchange)
    async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
        await eventually(lambda: _has(len(seen.ids) == 2), "the two good events")
        await eventually(lambda: count(kernel, "parked"), "the parked event")
        seen.refuse.clear()
        await eventually(lambda: _has(len(seen.ids) == 3), "the parked event to be tried again")
    assert await count(kernel, "parked") == 0
    assert sorted(seen.ids) == sorted(event.transfer_id for event in events)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe not json", CONTENT_TYPE),
        (b'{"not": "an envelope"}', CONTENT_TYPE),
        (b'{"a batch": "is a list"}', BATCH_CONTENT_TYPE),
        (b'[1, null, "three"]', BATCH_CONTENT_TYPE),
        (b"[" * 200_000, BATCH_CONTENT_TYPE),
        (b'{"id": 5, "type": "fr.cpro.pupil.created.v1", "data": {}}', CONTENT_TYPE),
        (b'[{"id": ["a"], "type": {}, "data": 1}]', BATCH_CONTENT_TYPE),
    ],
)
async def test_what_cannot_be_read_is_parked_and_the_queue_moves_on(
    kernel: Database, vhost: str, body: bytes, content_type: str
) -> None:
    good = TransferWithdrawn(transfer_id=uuid4())
    seen = Seen()
    async with exchange_of(vhost) as exchange:
        for data, kind in (
            (body, content_type),
            (encode(good, None, NOW)[1].encode(), CONTENT_TYPE),
        ):
            await exchange.publish(aio_pika.Message(data, content_type=kind), good.type)
        async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
            await eventually(lambda: _has(good.transfer_id in seen.ids), "the good event")
            await eventually(lambda: count(kernel, "parked"), "the parked message")


async def test_an_unknown_version_of_an_event_is_parked(kernel: Database, vhost: str) -> None:
    envelope = json.loads(encode(TransferWithdrawn(transfer_id=uuid4()), None, NOW)[1])
    envelope["type"] = "fr.cpro.transfer.withdrawn.v9"
    async with exchange_of(vhost) as exchange:
        await exchange.publish(message_of(envelope), TransferWithdrawn.type)
        async with consuming(Consumer(LISTENER, kernel, vhost, Seen())):
            await eventually(lambda: count(kernel, "parked"), "the parked event")


async def test_stopping_in_the_middle_finishes_the_batch_and_loses_nothing(
    kernel: Database, vhost: str
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    done: list[Event] = []

    async def slow(transaction: Transaction, batch: Batch) -> None:
        began.set()
        await go_on.wait()
        done.extend(batch.events)

    await write(kernel, some(1))
    async with exchange_of(vhost) as exchange:
        await Relay("test", kernel, vhost).relay_once(exchange)
    stop = asyncio.Event()
    task = asyncio.create_task(Consumer(LISTENER, kernel, vhost, slow).run(stop))
    await began.wait()
    stop.set()
    go_on.set()
    await task
    assert len(done) == 1
    assert await count(kernel, "inbox") == 1
    assert await queue_depth(vhost, topology.queue_of(LISTENER)) == 0


def test_packs_hold_one_type_and_are_bounded() -> None:
    def row(kind: str, size: int) -> dict[str, object]:
        return {"id": uuid4(), "routing_key": kind, "envelope": "x" * size}

    rows = [row("a", 10) for _ in range(150)] + [row("b", 100_000) for _ in range(3)]
    made = list(packs(rows))  # type: ignore[arg-type]
    assert [(p.routing_key, len(p.ids)) for p in made] == [
        ("a", PACK_EVENTS),
        ("a", 50),
        ("b", 1),
        ("b", 1),
        ("b", 1),
    ]


async def test_the_relay_starts_from_the_oldest_rows(kernel: Database) -> None:
    await write(kernel, some(3))
    await write(kernel, [DossierTransferred(transfer_id=uuid4(), counts={})])
    async with kernel.transaction() as transaction:
        rows = await take(transaction.connection)
    assert [row["routing_key"] for row in rows][-1] == DossierTransferred.type
