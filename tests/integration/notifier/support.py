"""Events as `notifier` hears them, and its ledger as operators see it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from aio_pika import Message
from asyncpg import Record
from pydantic import SecretStr

from deploy.local.client import eventually
from services.notifier.handlers import handle
from services.notifier.sending import Sender
from services.notifier.settings import NotifierSettings
from shared.database import Database
from shared.envelope import CONTENT_TYPE, encode
from shared.events import (
    Event,
    InspectorAccessToggled,
    Recipient,
    SchoolUpdated,
    Side,
    TransferClosed,
    TransferOffered,
)
from shared.identifiers import Uai
from shared.messaging import topology
from shared.messaging.consumer import Batch
from tests.support.mail import MailServer
from tests.support.pupils import A, B

AYMERICK = Recipient(name="Aymerick Dupré", email="aymerick@ac-lille.example")
VALERY = Recipient(name="Valéry Noël", email="valery@ac-lille.example")
DIPLOMA = "2de famille de métiers des Transitions numérique et énergétique"
JANUARY = dt.datetime(2026, 1, 20, 13, 5, tzinfo=dt.UTC)


def toggled(
    *recipients: Recipient, version: int = 1, diploma: str = "TNE", **changes: Any
) -> InspectorAccessToggled:
    """The access of inspectors to a diploma of A was opened, unless changed."""
    return InspectorAccessToggled.model_validate(
        {
            "uai": A,
            "diploma": diploma,
            "diploma_label": DIPLOMA,
            "active": True,
            "version": version,
            "because": "switched",
            "by_name": "Mme Martin",
            "by_function": "proviseure",
            "at": JANUARY + dt.timedelta(minutes=version),
            "recipients": recipients,
            **changes,
        }
    )


def school(uai: Uai = A, version: int = 1, **changes: Any) -> SchoolUpdated:
    """A school with an e-mail, unless changed."""
    return SchoolUpdated.model_validate(
        {
            "uai": uai,
            "version": version,
            "name": f"Lycée Émile-Zola {uai[-1]}",
            "town": "Lille",
            "email": f"ce.{uai}@ac-lille.example".lower(),
            **changes,
        }
    )


def offered(**changes: Any) -> TransferOffered:
    """A offers B a learner by hand."""
    usual = {"transfer_id": uuid4(), "origin_uai": A, "destination_uai": B}
    return TransferOffered.model_validate(usual | changes)


def closed(counts: dict[str, int] | None = None, **changes: Any) -> TransferClosed:
    """Records have moved from A to B."""
    return TransferClosed.model_validate(
        {
            "transfer_id": uuid4(),
            "origin": Side(uai=A, pupil_id=uuid4()),
            "destination": Side(uai=B, pupil_id=uuid4()),
            "counts": {"bilan": 1} if counts is None else counts,
            **changes,
        }
    )


def settings(database_url: str, port: int, **more: Any) -> NotifierSettings:
    """Settings that lead to a mail server of the test."""
    return NotifierSettings.model_validate(
        {
            "environment": "local",
            "database_url": SecretStr(database_url),
            "amqp_url": SecretStr("amqp://nowhere"),
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "smtp_seconds": 5,
            "mail_from": "ne-pas-repondre@cpro.example",
            "console_url": "https://cpro.example",
            **more,
        }
    )


@dataclass
class Ledger:
    """The ledger of one test, and the server that its mails go to."""

    base: Database
    server: MailServer

    async def take(self, *events: Event) -> None:
        """Have the service take in events."""
        async with self.base.transaction() as transaction:
            await handle(transaction, Batch(events))

    @asynccontextmanager
    async def sending(self, **more: Any) -> AsyncIterator[Sender]:
        """Send mails while the block runs."""
        stop = asyncio.Event()
        sender = Sender(self.base, settings("postgresql://", self.server.port, **more))
        running = asyncio.create_task(sender.run(stop))
        try:
            yield sender
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await running

    async def mails(self) -> list[Record]:
        """All mails, in the order they were entered."""
        async with self.base.connection() as connection:
            return await connection.fetch("SELECT * FROM mail ORDER BY number")

    async def mail(self, recipient: str) -> Record:
        """The newest mail to a recipient."""
        return [mail for mail in await self.mails() if mail["address"] == recipient][-1]

    async def states(self) -> list[str]:
        """The states of all mails."""
        return [mail["state"] for mail in await self.mails()]

    async def come_to(self, *states: str, seconds: float = 20) -> None:
        """Wait until these are the states of all mails."""

        async def reached() -> bool:
            return await self.states() == list(states)

        try:
            await eventually(reached, f"{states}", seconds=seconds)
        except TimeoutError:
            found = [(m["state"], m["answer"]) for m in await self.mails()]
            raise AssertionError(f"{found} instead of {states}") from None

    async def all_sent(self, seconds: float = 30) -> None:
        """Wait until every mail is sent."""

        async def sent() -> bool:
            async with self.base.connection() as connection:
                found: bool = await connection.fetchval(
                    "SELECT NOT EXISTS (SELECT FROM mail WHERE state <> 'sent')"
                )
                return found

        await eventually(sent, "every mail to be sent", seconds=seconds)

    async def time_passes(self, **span: float) -> None:
        """Let so much time pass (as for `timedelta`) for the mails that wait: what is tried later
        is due, what was queued is so much older.
        """
        await self.execute(
            "UPDATE mail SET next_try = next_try - $1::interval, queued_at = queued_at - $1",
            dt.timedelta(**span),
        )

    async def execute(self, statement: str, *values: object) -> None:
        """Change something behind the service's back."""
        async with self.base.connection() as connection:
            await connection.execute(statement, *values)

    async def history(self, mail: UUID) -> list[tuple[str, str | None]]:
        """What did not go straight with a mail."""
        async with self.base.connection() as connection:
            rows = await connection.fetch(
                "SELECT state, answer FROM mail_history WHERE mail_id = $1 ORDER BY id", mail
            )
        return [(row["state"], row["answer"]) for row in rows]


def many(count: int) -> Iterable[InspectorAccessToggled]:
    """So many toggles, each to a recipient of its own."""
    for number in range(count):
        to = Recipient(name=f"Inspecteur {number}", email=f"i{number}@ac-lille.example")
        yield toggled(to, diploma=f"D{number}")


async def publish(amqp_url: str, *events: Event) -> None:
    """Publish events as the services that own them do."""
    async with topology.connect(amqp_url, "test", "publish") as connection:
        await topology.declare(connection)
        async with connection.channel(publisher_confirms=True) as channel:
            exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
            for event in events:
                _, text = encode(event, None, dt.datetime.now(dt.UTC))
                message = Message(text.encode(), content_type=CONTENT_TYPE)
                await exchange.publish(message, event.type, mandatory=True)
