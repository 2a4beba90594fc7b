"""The relay: carries events from the outbox to the broker, at least once.

A pass takes rows, publishes them, waits for every confirm, deletes what was confirmed and commits.
A crash in between sends again what the broker has already; listeners pass over what they have seen.
Rows of one type travel together in one message (« packing »), because the broker's cost is per
message: an idle system sends each event at once and alone, a busy one up to `PACK_EVENTS` together.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from uuid import UUID, uuid4

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractExchange
from asyncpg import Record
from pamqp.commands import Basic

from shared.clock import pause
from shared.database import Connection, Database
from shared.envelope import BATCH_CONTENT_TYPE, CONTENT_TYPE
from shared.messaging import topology
from shared.telemetry import OUTBOX_AGE, PUBLISH_FAILURES, PUBLISHED

PASS_ROWS = 2000
PACK_EVENTS = 100
PACK_BYTES = 128 * 1024
POLL_SECONDS = 0.2
CONFIRM_SECONDS = 10.0
RETRY_SECONDS = 1.0
LONGEST_PAUSE = 5.0

log = structlog.get_logger()


class NotConfirmedError(Exception):
    """The broker has not said that it has the message; it will be sent again."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows of the outbox that travel in one message."""

    routing_key: str
    ids: list[UUID]
    envelopes: list[str]

    def message(self) -> Message:
        """The message; its id is new at each attempt, since confirms are told apart by it."""
        alone = len(self.envelopes) == 1
        body = self.envelopes[0] if alone else f"[{','.join(self.envelopes)}]"
        return Message(
            body.encode(),
            content_type=CONTENT_TYPE if alone else BATCH_CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=str(uuid4()),
        )


def packs(rows: Sequence[Record]) -> Iterator[Pack]:
    """Group rows (id, routing_key, envelope) into messages of one type and bounded size."""
    by_type = itemgetter("routing_key")
    for routing_key, group in groupby(sorted(rows, key=by_type), key=by_type):
        pack, size = Pack(routing_key, [], []), 0
        for row in group:
            length = len(row["envelope"].encode())
            if pack.ids and (len(pack.ids) == PACK_EVENTS or size + length > PACK_BYTES):
                yield pack
                pack, size = Pack(routing_key, [], []), 0
            pack.ids.append(row["id"])
            pack.envelopes.append(row["envelope"])
            size += length
        yield pack


class Relay:
    """Publishes the outbox of one service until told to stop."""

    def __init__(self, service: str, database: Database, amqp_url: str) -> None:
        self._service = service
        self._database = database
        self._amqp_url = amqp_url

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; the pass under way is finished."""
        async with topology.connect(self._amqp_url, self._service, "publish", stop) as connection:
            # A broker that was set up anew has lost the queues.
            connection.reconnect_callbacks.add(lambda *_: topology.declare(connection))
            while not stop.is_set():
                try:
                    await topology.declare(connection)
                    # It has confirms. Closed with its connection: by itself it would wait for a
                    # broker that stalls.
                    channel = await connection.channel(on_return_raises=True)
                    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
                    await self._loop(exchange, stop)
                except Exception as error:  # noqa: BLE001 - cut while its channel was set up
                    log.warning("relay.cut", error=type(error).__name__)
                    await pause(stop, RETRY_SECONDS)

    async def _loop(self, exchange: AbstractExchange, stop: asyncio.Event) -> None:
        delay = POLL_SECONDS
        while not stop.is_set():
            self._database.published.clear()
            try:
                taken = await self.relay_once(exchange)
            except Exception as error:  # noqa: BLE001 - whatever it is, the rows are still there
                PUBLISH_FAILURES.inc()
                log.warning("relay.failed", error=type(error).__name__)
                delay = min(delay * 2, LONGEST_PAUSE)
                await pause(stop, delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
                continue
            delay = POLL_SECONDS
            if taken < PASS_ROWS:
                await pause(self._database.published, POLL_SECONDS)

    async def relay_once(self, exchange: AbstractExchange) -> int:
        """One pass; returns how many rows it took.

        Raises:
            NotConfirmedError: some rows stay in the outbox; those that were confirmed are gone.
        """
        async with self._database.connection() as connection, connection.transaction():
            rows = await take(connection)
            if not rows:
                return 0
            batch = list(packs(rows))
            outcomes = await asyncio.gather(
                *(self._publish(exchange, pack) for pack in batch), return_exceptions=True
            )
            confirmed = [p for p, failure in zip(batch, outcomes, strict=True) if failure is None]
            await remove(connection, [i for pack in confirmed for i in pack.ids])
        for pack in confirmed:
            PUBLISHED.labels(pack.routing_key).inc(len(pack.ids))
        if failures := [failure for failure in outcomes if failure is not None]:
            raise NotConfirmedError(f"{len(failures)} messages") from failures[0]
        return len(rows)

    async def _publish(self, exchange: AbstractExchange, pack: Pack) -> None:
        # The bound is around the whole call, which first waits for the channel unbounded.
        async with asyncio.timeout(CONFIRM_SECONDS):
            answer = await exchange.publish(pack.message(), pack.routing_key, mandatory=True)
        if not isinstance(answer, Basic.Ack):
            raise NotConfirmedError(type(answer).__name__)


async def take(connection: Connection) -> list[Record]:
    """Up to `PASS_ROWS` rows (id, routing_key, envelope), locked until the transaction ends.

    Rows that another relay holds are passed over; there is no cursor, because rows become visible
    in another order than their ids were drawn.
    """
    sql = "SELECT id, routing_key, envelope FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"
    return await connection.fetch(sql, PASS_ROWS)


async def tell_oldest(database: Database) -> None:
    """Tell how long the oldest event has waited; its id holds the moment (UUIDv7). Apart from the
    relay, which tells nothing while it can't work.
    """
    async with database.connection() as connection:
        oldest = await connection.fetchval("SELECT id FROM outbox ORDER BY id LIMIT 1")
    OUTBOX_AGE.set(max(0.0, time.time() - (oldest.int >> 80) / 1000) if oldest else 0.0)


async def remove(connection: Connection, ids: Sequence[UUID]) -> None:
    """Forget rows that the broker has confirmed."""
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::uuid[])", ids)
