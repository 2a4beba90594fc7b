"""The matrix: each fault with each service that it can meet, how it is injected, and what is
promised. Twenty seeds that follow a multiple of twenty go through all of it once.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from deploy.local.client import eventually
from shared.events import heard_by, owned_by
from tests.faults import skew
from tests.faults.machines import ALARM, NO_ALARM
from tests.faults.stage import AMQP, HTTP, MAILER, SMTP, SQL, Stage
from tests.faults.warm import SERVICES

CYCLE = 20
"""Seeds that go through the whole matrix."""

POINT_SECONDS = 20.0
STALLED = {SQL: (2.0, 4.0), HTTP: (2.0, 4.0), SMTP: (2.0, 4.0), AMQP: (9.0, 12.0)}
"""Seconds, from and to: some longer than an attempt to send a mail, or than a publish waits for its
confirm, so that what was given up arrives all the same.
"""

AWAY = (0.3, 1.5)
JUMPS = {"forward by six days": 6, "back by three days": -3}
"""Forward it is a Monday: the weekly round is due, and a subscription has ended (story.py)."""

JUMPED = (2.0, 4.0)
ANSWERS_LOST = 3
MEET_SECONDS = 20.0
"""Within so many a fault meets something, or is said to have met nothing."""

LAST_WORDS = {SQL: b"COMMIT", AMQP: b"", HTTP: b"", SMTP: b"\r\n.\r\n"}
"""What is passed on when the answer to it is to be lost: a commit, a request, a whole mail; of AMQP
whatever is not a heartbeat, and with it all that the broker says next.
"""

NOTHING_LOST = "nothing is lost, nothing is done twice"
ONE_COPY_MORE = (
    "each mail arrives; one whose answer was not kept may come twice, under one Message-ID"
)
WAITS = "events wait in the outbox, and the flow resumes by itself"
REPEATED = "what is repeated with its key has its effect once"

Inject = Callable[[Stage, str, random.Random], Awaitable[int]]
"""Does it to a service of a stage, and puts right what would not come right by itself; how much it
has met: processes, connections, events, looks at a clock.
"""


@dataclass(frozen=True)
class Fault:
    """A way to break, the services that it meets, and what the system promises then."""

    name: str
    promise: str
    services: Sequence[str]
    inject: Inject


@dataclass(frozen=True)
class Cell:
    """One fault and one service."""

    fault: Fault
    service: str

    def __str__(self) -> str:
        """As the harness prints it."""
        return f"{self.fault.name} ({self.service})"


ALL = tuple(SERVICES)
SERVERS = ("all",)
LISTENERS = tuple(name for name in ALL if heard_by(name))
TELLERS = tuple(name for name in ALL if owned_by(name))
IMPORTER = ("siecle_import",)
LOOKERS = ("etablissement", "siecle_import", "inspector_access", "notifier")
"""Those that ask which day it is for more than what they show, or have kept for years."""

POINTS = {
    "before-commit": TELLERS,
    "between-commit-and-publish": TELLERS,
    "between-publish-and-delete": TELLERS,
    "between-delivery-and-effect": LISTENERS,
    "between-commit-and-ack": LISTENERS,
    "while-a-preview-is-written": IMPORTER,
    "while-an-import-is-applied": IMPORTER,
    "between-claim-and-sending": (MAILER,),
    "between-answer-and-writing": (MAILER,),
}


async def _to_its_end(work: Callable[..., None], *arguments: Any) -> None:
    """Do something to a server; when the seed is given up meanwhile, the server is back first."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(doing)
    finally:
        await doing


async def _die_at(point: str, stage: Stage, service: str, _: random.Random) -> int:
    async with stage.fleet.locks[service]:
        died = await stage.fleet.dies(service, point, POINT_SECONDS)
        await stage.fleet.start(service)
    return died


async def _die_anywhere(stage: Stage, service: str, dice: random.Random) -> int:
    for _ in range(2):
        await asyncio.sleep(dice.uniform(0, 1))
        async with stage.fleet.locks[service]:
            await stage.fleet.kill(service)
            await asyncio.sleep(dice.uniform(0, 0.5))
            await stage.fleet.start(service)
    return 2


async def _cut(way: str, stage: Stage, service: str, dice: random.Random) -> int:
    met = 0
    for _ in range(3):
        await asyncio.sleep(dice.uniform(0, 0.5))
        met += await stage.proxies[service, way].go_away(dice.uniform(*AWAY), MEET_SECONDS / 3)
    return met


async def _stall(way: str, stage: Stage, service: str, dice: random.Random) -> int:
    await asyncio.sleep(dice.uniform(0, 0.5))
    return await stage.proxies[service, way].stall(dice.uniform(*STALLED[way]), MEET_SECONDS)


async def _lose_answers(way: str, stage: Stage, service: str, _: random.Random) -> int:
    proxy = stage.proxies[service, way]
    return await proxy.lose_answers(LAST_WORDS[way], ANSWERS_LOST, MEET_SECONDS)


async def _stop_broker(stage: Stage, _: str, dice: random.Random) -> int:
    await asyncio.sleep(dice.uniform(0, 0.5))
    try:
        await _to_its_end(stage.machines.stop_broker)
        await asyncio.sleep(dice.uniform(*AWAY))
        return await _waiting(stage)
    finally:
        await _to_its_end(stage.machines.start_broker)


async def _kill_broker(stage: Stage, _: str, dice: random.Random) -> int:
    await asyncio.sleep(dice.uniform(0, 1))
    cut = _connections(stage, AMQP)
    await _to_its_end(stage.machines.kill_broker)
    return cut


async def _restart_database(how: signal.Signals, stage: Stage, _: str, dice: random.Random) -> int:
    await asyncio.sleep(dice.uniform(0, 1))
    cut = _connections(stage, SQL)
    await _to_its_end(stage.machines.restart_database, how)
    return cut


async def _alarm(stage: Stage, _: str, dice: random.Random) -> int:
    try:
        await _to_its_end(stage.machines.set_memory, ALARM)
        await asyncio.sleep(dice.uniform(*STALLED[AMQP]))
        return await _waiting(stage)
    finally:
        await _to_its_end(stage.machines.set_memory, NO_ALARM)


def _connections(stage: Stage, way: str) -> int:
    """The connections of all services to one kind of server."""
    return sum(stage.proxies[name, way].connections for name in ALL)


async def _waiting(stage: Stage) -> int:
    """Events that wait in the outboxes for a broker that does not take them."""
    query = "SELECT id FROM outbox"
    found = await asyncio.gather(*(stage.rows(name, query) for name in TELLERS))
    return sum(map(len, found))


async def _shuffle(stage: Stage, service: str, dice: random.Random) -> int:
    async with stage.fleet.locks[service]:
        await stage.fleet.kill(service)
        await asyncio.sleep(1.5)
        number = await stage.tap.shuffle(service, dice)
        await stage.fleet.start(service)
    return number


async def _jump(days: int, stage: Stage, service: str, dice: random.Random) -> int:
    file = stage.folder / f"{service}.days"
    file.write_text(str(days))

    async def seen() -> bool:
        return skew.looks(file) > 0

    with suppress(TimeoutError):
        await eventually(seen, "a look at the clock", seconds=MEET_SECONDS)
    await asyncio.sleep(dice.uniform(*JUMPED))
    file.write_text("")
    return skew.looks(file)


def _faults() -> Iterator[Fault]:
    for point, services in POINTS.items():
        promise = ONE_COPY_MORE if point == "between-answer-and-writing" else NOTHING_LOST
        yield Fault(f"kill -9 {point}", promise, services, partial(_die_at, point))
    yield Fault("kill -9 at any moment, twice", NOTHING_LOST, ALL, _die_anywhere)
    ways = ((AMQP, WAITS, ALL), (SQL, NOTHING_LOST, ALL), (HTTP, REPEATED, ALL))
    for way, promise, services in (*ways, (SMTP, ONE_COPY_MORE, (MAILER,))):
        yield Fault(f"{way}: cut", promise, services, partial(_cut, way))
        yield Fault(f"{way}: stalled", promise, services, partial(_stall, way))
        yield Fault(f"{way}: answers lost", promise, services, partial(_lose_answers, way))
    yield Fault("broker stopped and started", WAITS, SERVERS, _stop_broker)
    yield Fault("broker killed -9", WAITS, SERVERS, _kill_broker)
    yield Fault("broker out of memory (alarm)", WAITS, SERVERS, _alarm)
    stopped, crashed = signal.SIGINT, signal.SIGQUIT
    yield Fault("database restarted", NOTHING_LOST, SERVERS, partial(_restart_database, stopped))
    yield Fault("database crashed", NOTHING_LOST, SERVERS, partial(_restart_database, crashed))
    same = "the same final state; what was handled is passed over"
    yield Fault("deliveries shuffled and repeated", same, LISTENERS, _shuffle)
    for way, days in JUMPS.items():
        yield Fault(f"day {way}, and back", NOTHING_LOST, LOOKERS, partial(_jump, days))


FAULTS = tuple(_faults())
CELLS = tuple(Cell(fault, service) for fault in FAULTS for service in fault.services)


def drawn(seed: int) -> list[Cell]:
    """The cells that a seed plays: its share of the matrix, dealt anew for every cycle of seeds."""
    cycle, place = divmod(seed, CYCLE)
    cells = list(CELLS)
    random.Random(cycle).shuffle(cells)
    return cells[place::CYCLE]
