"""The sender: takes mails from the ledger to the server, safely beside other replicas.

Three parts run side by side: one claims mails that are due under a lease, several connections hand
them over, one writes what became of them, in sets. A mail is begun only while its lease is long
enough for its attempt to end; a process that dies leaves its claims to the others when their lease
is over. While the server can't be used, nothing is claimed but one mail now and then, and no mail's
attempts are counted.
"""

import asyncio
import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog
from asyncpg import Record

from services.notifier import metrics
from services.notifier.domain import delivery
from services.notifier.domain.delivery import Answer, Outcome
from services.notifier.domain.mails import Kind, Reason, State
from services.notifier.domain.message import Letter
from services.notifier.domain.text import is_address
from services.notifier.rendering import render
from services.notifier.settings import NotifierSettings
from services.notifier.smtp import (
    IDLE_SECONDS,
    Mailbox,
    NotSupportedError,
    RefusedError,
    ServerUnusableError,
)
from services.notifier.store import mails as store
from shared.clock import pause
from shared.database import Database
from shared.service import Runtime
from shared.telemetry import span_of

CLAIM = 100
POLL_SECONDS = 0.2
RETRY_SECONDS = 0.5
CLAIM_RETRY_SECONDS = 5.0
"""Longer, so that once the database is back what was sent meanwhile is written, by whichever
replica, before anybody claims it as that of a dead sender."""

TRAINING_SECONDS = 1.0
LEASE_ATTEMPTS = 4
"""Attempts that a lease is long. A mail is begun in the first, has two (a connection may have to be
opened anew), and leaves one to write what became of it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a claimed mail, None if it was not begun; `written` when the ledger knows."""

    id: UUID
    outcome: Outcome | None
    written: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this process alone may send, if it begins before `begin_by` (loop time)."""

    row: Record
    begin_by: float

    @property
    def id(self) -> UUID:
        """The mail's id."""
        found: UUID = self.row["id"]
        return found


async def run(runtime: Runtime) -> None:
    """Send until the service stops; what is under way is finished, the rest given back."""
    settings = runtime.settings
    if not isinstance(settings, NotifierSettings):
        raise TypeError("the sender needs the settings of notifier")
    if settings.training:
        await _suppress(runtime)
        return
    if settings.smtp_host is None:
        log.error("sending.no_server")
        metrics.SERVER_UP.set(0)
        return
    await Sender(runtime.database, settings).run(runtime.stop)


async def _suppress(runtime: Runtime) -> None:
    """In a training system every mail ends as suppressed; no server is asked, so none is down."""
    metrics.SERVER_UP.set(1)
    while not runtime.stop.is_set():
        try:
            async with runtime.database.connection() as connection:
                while await store.suppress_all(connection, Reason.TRAINING, CLAIM):
                    pass
        except Exception:  # the next pass comes
            log.warning("sending.failed", exc_info=True)
        await pause(runtime.stop, TRAINING_SECONDS)


class Sender:
    """Sends the mails of the ledger from one process."""

    def __init__(self, database: Database, settings: NotifierSettings) -> None:
        self.id = uuid4()
        self._database = database
        self._settings = settings
        self.lease = dt.timedelta(seconds=settings.smtp_seconds * LEASE_ATTEMPTS)
        self._claimed: asyncio.Queue[Claimed | None] = asyncio.Queue(settings.smtp_connections)
        self._done: asyncio.Queue[Ended | None] = asyncio.Queue()
        self._unusable = False
        self.failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set."""
        metrics.SERVER_UP.set(1)
        connections = range(self._settings.smtp_connections)
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write())
            carriers = [group.create_task(self._carry(stop)) for _ in connections]
            await self._claim(stop)
            for _ in carriers:
                await self._claimed.put(None)
            await asyncio.wait(carriers)
            self._done.put_nowait(None)
            await writer

    async def _claim(self, stop: asyncio.Event) -> None:
        """Keep the carriers busy until `stop` is set."""
        while not stop.is_set():
            if self._unusable:
                await self._wait_for_server(stop)
            try:
                taken = await self._claim_once(1 if self.failures else CLAIM)
            except Exception:  # the database is away: the mails are as they were
                log.warning("sending.claim_failed", exc_info=True)
                await pause(stop, CLAIM_RETRY_SECONDS)
                continue
            if self.failures:  # one mail is tried: the others wait for what comes of it
                await self._claimed.join()
            if not taken:
                await pause(stop, POLL_SECONDS)

    async def _claim_once(self, limit: int) -> int:
        """Claim mails and pass them to the carriers as these get free; how many were due."""
        begun = asyncio.get_running_loop().time()
        async with self._database.connection() as connection:
            rows = await store.claim(connection, self.id, self.lease, limit)
        for row in rows:
            if row["state"] == State.SENDING:
                await self._claimed.put(Claimed(row, begun + self._settings.smtp_seconds))
            else:
                metrics.ENDED.labels(row["state"], row["reason"]).inc()
        return len(rows)

    async def _wait_for_server(self, stop: asyncio.Event) -> None:
        """Leave the server alone for a while, longer at each failure; then one mail is tried."""
        self.failures += 1
        metrics.SERVER_UP.set(0)
        await self._claimed.join()  # what was claimed is given back
        seconds = delivery.pause_after(self.failures, random.random())  # noqa: S311 - jitter
        log.warning("sending.server_unusable", failures=self.failures, pause=round(seconds, 1))
        await pause(stop, seconds)
        self._unusable = False

    async def _carry(self, stop: asyncio.Event) -> None:
        """Hand mails over, one after the other, over one connection; what became of each is
        written before the next is begun, so that a crash leaves one mail in doubt at the most.
        """
        mailbox = Mailbox(self._settings)
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS if mailbox.is_open else None):
                    claimed = await self._claimed.get()
            except TimeoutError:
                await mailbox.close()
                continue
            if claimed is None:
                break
            with span_of("send", claimed.row["traceparents"] or ()):
                outcome = None if stop.is_set() else await self._attempt(mailbox, claimed)
            ended = Ended(claimed.id, outcome, asyncio.get_running_loop().create_future())
            self._done.put_nowait(ended)
            self._claimed.task_done()
            await ended.written
        await mailbox.close()

    async def _attempt(self, mailbox: Mailbox, claimed: Claimed) -> Outcome | None:
        """Try to send a mail; None if it was not begun and is to be given back."""
        if self._unusable or asyncio.get_running_loop().time() > claimed.begin_by:
            return None
        row = claimed.row
        try:
            answer = await mailbox.send(self.letter(row))
        except ServerUnusableError as error:
            answer = error.answer  # its words may repeat an address
            log.warning("sending.unusable", why=answer.code or answer.text)
            self._unusable = True
            return None
        except NotSupportedError:
            return _ended(row, delivery.unsendable(Reason.NOT_SUPPORTED, _NO_UTF8))
        except BadAddressError:
            return _ended(row, delivery.unsendable(Reason.BAD_ADDRESS, _BAD_ADDRESS))
        except RefusedError as error:
            if error.closing:
                self._unusable = True
            else:
                self._server_answers()
            return _ended(row, _refused(row, error.answer))
        except Exception as error:  # whatever it is, it is that of this mail
            log.error("sending.failed", mail=str(claimed.id), exc_info=True)
            await mailbox.close()
            return _ended(row, _refused(row, Answer(None, type(error).__name__)))
        self._server_answers()
        return _ended(row, delivery.accepted(answer))

    def _server_answers(self) -> None:
        self.failures = 0
        metrics.SERVER_UP.set(1)

    def letter(self, row: Record) -> Letter:
        """The letter of a claimed mail.

        Raises:
            BadAddressError
        """
        if not is_address(row["address"]):
            raise BadAddressError
        reply_to = row["reply_to"]
        if reply_to is not None and not (is_address(reply_to) and reply_to.isascii()):
            reply_to = None
        text, html = render(
            Kind(row["kind"]), row["content"], name=row["name"],
            console_url=self._settings.console_url, replies=reply_to is not None,
        )  # fmt: skip
        return Letter(
            id=row["id"],
            at=row["created_at"],
            sender=self._settings.mail_from,
            address=row["address"],
            name=row["name"],
            reply_to=reply_to,
            reply_name=row["content"]["school"],
            subject=row["subject"],
            text=text,
            html=html,
        )

    async def _write(self) -> None:
        """Write what became of mails, all that has come together in one statement."""
        more = True
        while more:
            batch = [await self._done.get()]
            while not self._done.empty():
                batch.append(self._done.get_nowait())
            more = None not in batch
            await self._write_surely([one for one in batch if one is not None])

    async def _write_surely(self, batch: Sequence[Ended]) -> None:
        """Write a batch; while the database is away it is kept, and nothing more is sent."""
        told = [(one.id, one.outcome) for one in batch if one.outcome is not None]
        back = [one.id for one in batch if one.outcome is None]
        while True:
            try:
                async with self._database.connection() as connection:
                    if told:
                        await store.tell(connection, self.id, told)
                    if back:
                        await store.give_back(connection, self.id, back)
            except Exception:  # it must be written, or mails that were sent go out again
                log.error("sending.write_failed", exc_info=True)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                break
        for one in batch:
            one.written.set_result(None)


class BadAddressError(Exception):
    """The recipient's address is none."""


_BAD_ADDRESS = "adresse inutilisable : corrigez-la"
_NO_UTF8 = "le serveur de courrier ne transmet pas les adresses accentuées (SMTPUTF8)"


def _refused(row: Record, answer: Answer) -> Outcome:
    chance = random.random()  # noqa: S311 - jitter
    return delivery.refused(answer, row["attempts"], row["age"], chance)


def _ended(row: Record, outcome: Outcome) -> Outcome:
    """Count an outcome."""
    metrics.ENDED.labels(outcome.state, outcome.reason or "").inc()
    if outcome.state is State.SENT:
        metrics.DELAY.observe(row["age"].total_seconds())
    metrics.answered(row["address"], refused=outcome.state is not State.SENT)
    return outcome
