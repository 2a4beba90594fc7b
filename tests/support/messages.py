"""Events put on the broker as they are, and a consumer to take them in."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import aio_pika

from shared.database import Database, Transaction
from shared.envelope import BATCH_CONTENT_TYPE, CONTENT_TYPE, encode
from shared.events import TransferWithdrawn
from shared.messaging import topology
from shared.messaging.consumer import Batch, Consumer

LISTENER = "dossier"
NOW = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)


class Seen:
    """A handler that writes down what it is given; `refuse` names ids that it fails on, `refused`
    says how often it did.
    """

    def __init__(self, refuse: Sequence[UUID] = ()) -> None:
        self.batches: list[list[UUID]] = []
        self.refuse = set(refuse)
        self.refused = 0

    @property
    def ids(self) -> list[UUID]:
        return [i for batch in self.batches for i in batch]

    async def __call__(self, transaction: Transaction, batch: Batch) -> None:
        ids = [event.transfer_id for event in batch.of(TransferWithdrawn)]
        if self.refuse & set(ids):
            self.refused += 1
            raise ValueError("refused")
        self.batches.append(ids)


@asynccontextmanager
async def exchange_of(
    amqp_url: str, *, declared: bool = True
) -> AsyncIterator[aio_pika.abc.AbstractExchange]:
    """The exchange of events, to publish to."""
    async with topology.connect(amqp_url, "test", "publish") as connection:
        if declared:
            await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield await channel.get_exchange(topology.EXCHANGE, ensure=False)


@asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[None]:
    """Run a consumer, with its further tries, until the block ends."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(consumer.run(stop))
        group.create_task(consumer.retry_parked(stop))
        try:
            yield
        finally:
            stop.set()


def withdrawn(*events: TransferWithdrawn) -> aio_pika.Message:
    """A message with these events, packed as the relay packs them."""
    texts = [encode(event, None, NOW)[1] for event in events]
    if len(texts) == 1:
        return aio_pika.Message(texts[0].encode(), content_type=CONTENT_TYPE)
    return aio_pika.Message(f"[{','.join(texts)}]".encode(), content_type=BATCH_CONTENT_TYPE)


def message_of(envelope: object) -> aio_pika.Message:
    """A message with this envelope, whatever it is."""
    return aio_pika.Message(json.dumps(envelope).encode(), content_type=CONTENT_TYPE)


async def count(database: Database, table: str) -> int:
    """The rows of a table."""
    async with database.connection() as connection:
        number: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return number
