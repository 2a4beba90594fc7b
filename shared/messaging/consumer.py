"""The consumer: takes events in, each once, and acknowledges after the commit.

Events are handled in batches, one transaction a batch: the inbox sorts out what was seen before,
the service's handler does the rest. A batch that fails is taken apart, one event a transaction; an
event that fails alone is parked in the service's own database, so that the queue moves on; so is
what the broker has given up (dead letters), before anything else is handled. While the database is
away nothing is acknowledged; after `PATIENCE_SECONDS` the messages go back to the broker, well
before it would cut the connection (30 minutes), and consuming begins anew later.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from shared.clock import pause, until
from shared.database import UNAVAILABLE, Database, Transaction
from shared.envelope import InvalidEventError, Received, decode, unpack
from shared.events import Event
from shared.messaging import parked, topology
from shared.telemetry import BATCH_EVENTS, BATCH_SECONDS, PARKED, span_of, tell_parked

BATCH_SIZE = 500
PREFETCH_MESSAGES = 20
PATIENCE_SECONDS = 300.0
RETRY_SECONDS = 0.5
CUT_TRIES = 5
PARKED_SECONDS = 1.0
LOST = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What aio-pika raises when the connection has gone."""

E = TypeVar("E", bound=Event)
Unfit = dict[UUID, tuple[str, str]]
"""What is to be parked, by event id: its text and the class of the error."""

log = structlog.get_logger()


class Batch:
    """The new events of one transaction, in the order of their ids."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = tuple(events)

    def of(self, kind: type[E]) -> list[E]:
        """Those of one class of the catalogue, its subclasses included."""
        return [event for event in self.events if isinstance(event, kind)]


Handle = Callable[[Transaction, Batch], Awaitable[None]]
"""What a service does with a batch. It may see an event only once; order means nothing to it."""


class Consumer:
    """Feeds one service from its queue until told to stop."""

    def __init__(self, service: str, database: Database, amqp_url: str, handle: Handle) -> None:
        self._service = service
        self._database = database
        self._amqp_url = amqp_url
        self._handle = handle

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch under way is finished and acknowledged."""
        async with topology.connect(self._amqp_url, self._service, "consume", stop) as connection:
            while not stop.is_set():
                await self._database.wait(stop)
                try:
                    await topology.declare(connection)
                    await self._consume(connection, stop)
                except Exception:  # nothing is acknowledged: the events come again
                    log.error("consumer.stopped", exc_info=True)
                    await pause(stop, RETRY_SECONDS)

    async def _consume(self, connection: AbstractRobustConnection, stop: asyncio.Event) -> None:
        waiting: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        async with connection.channel() as channel:
            await channel.set_qos(prefetch_count=PREFETCH_MESSAGES)
            for name_of in (topology.queue_of, topology.dead_letters_of):
                queue = await channel.get_queue(name_of(self._service))
                # The callback only hands over: the channel cancels its callbacks when it closes,
                # and an error in one is only logged; later acknowledgements would hide it.
                await queue.consume(waiting.put)
            while messages := await _next_messages(waiting, stop):
                await self.process(messages)

    async def process(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """Handle the events of `messages`, park what fails alone, then acknowledge.

        Raises:
            DatabaseAwayError: the database was away for too long; nothing is acknowledged.
        """
        if dead := [one for one in messages if one.exchange == topology.DEAD_LETTERS]:
            await self._keep(_dead(dead), _patience())
            # Where their channel is gone, the inbox knows them when they come again.
            await asyncio.gather(*(letter.ack() for letter in dead), return_exceptions=True)
        live = [one for one in messages if one.exchange != topology.DEAD_LETTERS]
        events, unfit = _decode_all(live)
        until = _patience()
        if events and await self._failure(partial(self._handle_once, events), until):
            for event in events:
                if error := await self._failure(partial(self._handle_once, [event]), until):
                    unfit[event.id] = json.dumps(event.envelope), type(error).__name__
        await self._keep(unfit, until)
        await self._acknowledge(live)

    async def _keep(self, unfit: Unfit, until: float) -> None:
        if unfit and (error := await self._failure(partial(self._park, unfit), until)):
            raise error

    async def _failure(self, work: Callable[[], Awaitable[None]], until: float) -> Exception | None:
        """What `work` fails with while the database is there; repeated while it is away, up to a
        moment on the loop's clock.
        """
        for attempt in itertools.count(1):
            try:
                await work()
            except Exception as error:  # whatever it is, it is that of this work
                # A connection may be cut while the next one is fine.
                cut = isinstance(error, UNAVAILABLE) and attempt < CUT_TRIES
                if not cut and await self._database.answers():
                    log.warning("consumer.failed", exc_info=True)
                    return error
            else:
                break
            if asyncio.get_running_loop().time() > until:
                raise DatabaseAwayError
            await asyncio.sleep(RETRY_SECONDS)
        return None

    async def _handle_once(self, events: Sequence[Received]) -> None:
        with span_of("handle", (e.traceparent for e in events)), BATCH_SECONDS.time():
            async with self._database.transaction() as transaction:
                new = await _not_seen(transaction, events)
                if new:
                    await self._handle(transaction, Batch(received.event for received in new))
        BATCH_EVENTS.observe(len(new))

    async def _park(self, unfit: Unfit) -> None:
        async with self._database.transaction() as transaction:
            for event_id, (text, error) in unfit.items():
                await parked.park(transaction.connection, event_id, text, error)
        PARKED.inc(len(unfit))
        log.error("consumer.parked", events=[str(event_id) for event_id in unfit])

    async def _acknowledge(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """One acknowledgement for all messages of a channel, which were handled in its order."""
        last = {}
        for message in messages:
            with suppress(*LOST):  # its channel is gone: the inbox knows it when it comes again
                last[message.channel] = message
        for message in last.values():
            with suppress(*LOST):
                await message.ack(multiple=True)

    async def retry_parked(self, stop: asyncio.Event) -> None:
        """Try parked events again when they are due, until `stop` is set."""
        while not stop.is_set():
            try:
                if await self._retry_one():
                    continue
            except Exception:  # the event stays parked, the next try comes
                log.warning("parked.retry_failed", exc_info=True)
            await pause(stop, PARKED_SECONDS)

    async def _retry_one(self) -> bool:
        """Handle the parked event that is due; False if none is."""
        async with self._database.transaction() as transaction:
            row = await parked.claim_due(transaction.connection)
            if row is None:
                tell_parked(dict(await parked.figures(transaction.connection) or {}))
                return False
        try:
            async with self._database.transaction() as transaction:
                if await parked.take(transaction.connection, row["event_id"]):
                    [told] = [decode(item) for item in unpack(row["envelope"].encode(), None)]
                    # Parked before it could be read, it has another id there: ask the inbox.
                    known = told.id == row["event_id"]
                    if known or await _not_seen(transaction, [told]):
                        await self._handle(transaction, Batch([told.event]))
        except Exception as error:  # noqa: BLE001 - noted with the event
            name = type(error).__name__
            async with self._database.connection() as connection:
                await parked.failed_again(connection, row["event_id"], name)
        return True


def _patience() -> float:
    """Until when a delivery may take, on the loop's clock."""
    return asyncio.get_running_loop().time() + PATIENCE_SECONDS


class DatabaseAwayError(Exception):
    """The database has not answered for `PATIENCE_SECONDS`."""


async def _next_messages(
    waiting: asyncio.Queue[AbstractIncomingMessage], stop: asyncio.Event
) -> list[AbstractIncomingMessage]:
    """What waits, up to about `BATCH_SIZE` events; nothing at all once `stop` is set."""
    first = asyncio.ensure_future(waiting.get())
    await until(stop, first)
    if stop.is_set():
        first.cancel()
        return []
    messages = [first.result()]
    events = _event_count(messages[0])
    while events < BATCH_SIZE and not waiting.empty():
        messages.append(waiting.get_nowait())
        events += _event_count(messages[-1])
    return messages


def _event_count(message: AbstractIncomingMessage) -> int:
    return message.body.count(b'"specversion"')


def _decode_all(messages: Sequence[AbstractIncomingMessage]) -> tuple[list[Received], Unfit]:
    """The events of `messages`, in the order of their ids so that two replicas lock alike, and
    what could not be read, under an id made from it.
    """
    events: dict[UUID, Received] = {}
    unreadable: list[str] = []
    for message in messages:
        try:
            envelopes = unpack(message.body, message.content_type)
        except InvalidEventError:
            unreadable.append(message.body.decode(errors="replace").replace("\x00", ""))
            continue
        for envelope in envelopes:
            try:
                received = decode(envelope)
                events[received.id] = received
            except InvalidEventError:
                unreadable.append(json.dumps(envelope))
    unfit = {uuid5(NAMESPACE_OID, text): (text, InvalidEventError.__name__) for text in unreadable}
    return [events[event_id] for event_id in sorted(events)], unfit


def _dead(letters: Sequence[AbstractIncomingMessage]) -> Unfit:
    events, unfit = _decode_all(letters)
    readable = {event.id: (json.dumps(event.envelope), "") for event in events}
    return {i: (text, parked.DEAD_LETTER) for i, (text, _) in (readable | unfit).items()}


async def _not_seen(transaction: Transaction, events: Sequence[Received]) -> list[Received]:
    """Enter `events` in the inbox; those that it did not hold."""
    statement = """
        INSERT INTO inbox (event_id) SELECT unnest($1::uuid[])
        ON CONFLICT DO NOTHING RETURNING event_id
        """
    rows = await transaction.connection.fetch(statement, [received.id for received in events])
    new = {row["event_id"] for row in rows}
    return [received for received in events if received.id in new]
