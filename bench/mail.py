"""Draining 10,000 mails to a local server, beside a connection a mail and a statement a row."""

import asyncio
import multiprocessing
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Event as ProcessEvent
from uuid import uuid4

import uvloop
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from rich.console import Console

from bench import system
from bench.results import Result
from deploy.local.client import eventually
from deploy.local.kept import free_port
from deploy.local.servers import Servers
from services.notifier.__main__ import service
from services.notifier.domain.delivery import accepted
from services.notifier.handlers import handle
from services.notifier.sending import Sender
from services.notifier.settings import NotifierSettings
from services.notifier.smtp import Mailbox
from services.notifier.store import mails
from shared.database import Database
from shared.events import InspectorAccessToggled, Recipient
from shared.identifiers import Uai
from shared.messaging.consumer import BATCH_SIZE, Batch

MAILS = 10_000
NAIVE_MAILS = 300

Drain = Callable[[Database, NotifierSettings], Awaitable[None]]


class _Sink:
    """Accepts everything."""


def _serve(port: int, ready: ProcessEvent) -> None:
    async def listen() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(_Sink(), hostname="mail.test"), "127.0.0.1", port
        )
        ready.set()
        await server.serve_forever()

    asyncio.run(listen())


def _toggle(number: int) -> InspectorAccessToggled:
    to = Recipient(name=f"Inspecteur Dupré {number}", email=f"i{number}@ac-lille.example")
    return InspectorAccessToggled(
        uai=Uai("9990001X"),
        diploma=f"D{number}-{secrets.token_hex(4)}",
        diploma_label="Bac Pro Métiers de l'Électricité et de ses Environnements Connectés",
        active=True,
        version=1,
        because="switched",
        by_name="Mme Martin",
        by_function="proviseure",
        at=datetime(2026, 1, 20, tzinfo=UTC),
        recipients=(to,),
    )


async def _ours(database: Database, settings: NotifierSettings) -> None:
    """The sender as it runs, until nothing waits."""
    stop = asyncio.Event()
    sending = asyncio.create_task(Sender(database, settings).run(stop))
    await eventually(partial(_none_waits, database), "the mails to be sent", seconds=600)
    stop.set()
    await sending


async def _none_waits(database: Database) -> bool:
    async with database.connection() as connection:
        found: bool = await connection.fetchval(
            f"SELECT NOT EXISTS (SELECT FROM mail WHERE state IN {mails.OPEN})"
        )
        return found


async def _naive(database: Database, settings: NotifierSettings) -> None:
    """One mail claimed, one connection, one statement to write that it was sent."""
    sender, letters = uuid4(), Sender(database, settings)
    while True:
        async with database.connection() as connection:
            rows = await mails.claim(connection, sender, letters.lease, 1)
        if not rows:
            return
        mailbox = Mailbox(settings)
        answer = await mailbox.send(letters.letter(rows[0]))
        await mailbox.close()
        async with database.transaction() as transaction:
            told = [(rows[0]["id"], accepted(answer))]
            await mails.tell(transaction.connection, sender, told)


async def _rate(drain: Drain, database: Database, settings: NotifierSettings, count: int) -> float:
    """Mails a second, from the events to the last answer written."""
    begun = time.perf_counter()
    for first in range(0, count, BATCH_SIZE):
        numbers = range(first, min(first + BATCH_SIZE, count))
        async with database.transaction() as transaction:
            await handle(transaction, Batch(_toggle(number) for number in numbers))
    await drain(database, settings)
    return count / (time.perf_counter() - begun)


async def _rates(running: Servers, port: int) -> tuple[float, float]:
    async with system.database(running, service.migration_folders) as database:
        settings = NotifierSettings(
            environment="local",
            database_url=SecretStr("postgresql://nowhere"),
            amqp_url=SecretStr("amqp://nowhere"),
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="none",
        )
        naive = await _rate(_naive, database, settings, NAIVE_MAILS)
        return await _rate(_ours, database, settings, MAILS), naive


def mail(running: Servers, _: Console) -> Sequence[Result]:
    """Mails a second of the sender, and of the naive way; the server is a process of its own."""
    port = free_port()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    server = context.Process(target=_serve, args=(port, ready), daemon=True)
    server.start()
    try:
        ready.wait(30)
        return [Result.of("mail", "mails/s", uvloop.run(_rates(running, port)))]  # as it runs
    finally:
        server.terminate()
        server.join()
