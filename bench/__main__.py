"""`make bench`: measures each stage and prints ours, the naive way and their ratio."""

import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import aio_pika
from rich.console import Console
from rich.table import Table

from bench.directory import directory_rates
from bench.mail import mail_rates
from bench.match import BATCH, match_figures
from bench.parse import parse_rates
from deploy.local.servers import (
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
    running_servers,
)
from shared.database import KERNEL_MIGRATIONS, Database, migrate
from shared.envelope import CONTENT_TYPE
from shared.events import TransferWithdrawn
from shared.messaging import topology
from shared.messaging.relay import Relay, remove

EVENTS = 4_000
NAIVE_EVENTS = 400
ROUNDS = 3

Stage = tuple[str, str, float, float]
"""A stage, what it was measured in, ours, and the naive way."""

Drain = Callable[[aio_pika.abc.AbstractExchange, Database], Awaitable[None]]


async def _packed(exchange: aio_pika.abc.AbstractExchange, database: Database) -> None:
    relay = Relay("bench", database, "")
    while await relay.relay_once(exchange):
        pass


async def _singly(exchange: aio_pika.abc.AbstractExchange, database: Database) -> None:
    """One row, one awaited publish, one transaction."""
    while True:
        async with database.transaction() as transaction:
            row = await transaction.connection.fetchrow(
                "SELECT id, routing_key, envelope FROM outbox ORDER BY id LIMIT 1 FOR UPDATE"
            )
            if row is None:
                return
            message = aio_pika.Message(
                row["envelope"].encode(),
                content_type=CONTENT_TYPE,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(message, row["routing_key"])
            await remove(transaction.connection, [row["id"]])


async def _rate(
    drain: Drain, exchange: aio_pika.abc.AbstractExchange, database: Database, events: int
) -> float:
    """Events a second out of an outbox that holds so many."""
    async with database.transaction() as transaction:
        transaction.publish(TransferWithdrawn(transfer_id=uuid4()) for _ in range(events))
    begun = time.perf_counter()
    await drain(exchange, database)
    return events / (time.perf_counter() - begun)


async def relay_rates(database: Database, amqp_url: str) -> tuple[float, float]:
    """Median events a second of the relay, and of the naive one, measured in turn."""
    async with await topology.connect(amqp_url, "bench", "publish") as connection:
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
        ours, naive = [], []
        for _ in range(ROUNDS):
            ours.append(await _rate(_packed, exchange, database, EVENTS))
            naive.append(await _rate(_singly, exchange, database, NAIVE_EVENTS))
    return statistics.median(ours), statistics.median(naive)


async def _relay() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder, running_servers(Path(folder)) as servers:
        name = f"bench_{secrets.token_hex(4)}"
        url = await create_database(servers, name)
        await migrate(url, [KERNEL_MIGRATIONS])
        database = await Database.open(url, 4)
        try:
            return await relay_rates(database, await create_vhost(servers, name))
        finally:
            await database.close()
            await delete_vhost(servers, name)
            await drop_database(servers, name)


def _parse(_: Console) -> Sequence[Stage]:
    return [("parse", "pupils/s", *parse_rates())]


def _relayed(_: Console) -> Sequence[Stage]:
    return [("relay", "events/s", *asyncio.run(_relay()))]


def _match(console: Console) -> Sequence[Stage]:
    found = match_figures(console)
    return [("match", "events/s", BATCH / found.matched * 1000, BATCH / found.singly * 1000)]


def _directory(_: Console) -> Sequence[Stage]:
    imports, searches, changes = asyncio.run(directory_rates())
    return [
        ("directory", "schools/s", *imports),
        ("directory, all changed", "schools/s", *changes),
        ("school search", "searches/s", *searches),
    ]


def _mail(_: Console) -> Sequence[Stage]:
    return [("mail", "mails/s", *mail_rates())]


STAGES: dict[str, Callable[[Console], Sequence[Stage]]] = {
    "parse": _parse,
    "relay": _relayed,
    "match": _match,
    "directory": _directory,
    "mail": _mail,
}


def main() -> None:
    """Measure every stage, or those that are named (`make bench ARGS=match`)."""
    console = Console()
    table = Table("stage", "unit", "ours", "naive", "ratio")
    for name in sys.argv[1:] or STAGES:
        for stage, unit, ours, naive in STAGES[name](console):
            table.add_row(stage, unit, f"{ours:,.0f}", f"{naive:,.0f}", f"{ours / naive:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
