"""The country with its services and staff: `transfer` and `dossier` are real, on real databases.

Events are carried from outbox to inbox by the test, which repeats and shuffles deliveries, handles
two batches at once, and lets a service « restart » by abandoning what it has not committed. What
must hold at the end: `model.py`.
"""

import asyncio
import datetime as dt
import itertools
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.dossier import domain, writing
from services.dossier.handlers import handle as dossier_handle
from services.dossier.store import records
from services.transfer import acting
from services.transfer.domain import errors
from services.transfer.handlers import handle as transfer_handle
from services.transfer.store import lists, schools
from services.transfer.store.offers import NewOffer
from shared.database import Database, Transaction
from shared.envelope import Received, decode
from shared.events import Event, TransferClosed, heard_by
from shared.messaging.consumer import CUT_TRIES, Batch, Consumer
from tests.properties.country import OUTSIDE, Country
from tests.properties.ledger import Ledger
from tests.support.pupils import SEPTEMBER

NOW = SEPTEMBER + dt.timedelta(days=90)
IMPOSSIBLE = (
    errors.BusyError,
    errors.MatchedError,
    errors.MovedOnError,
    errors.NotHereError,
    errors.RefusedOffersError,
    errors.UnknownLearnerError,
    errors.UnknownPairError,
    errors.WrongStateError,
)
ANSWERS: dict[str, Callable[..., Awaitable[None]]] = {
    "accept": acting.accept_offer,
    "refuse": acting.refuse_offer,
    "withdraw": acting.withdraw_offer,
    "keep": acting.keep_offer,
}


class RestartError(Exception):
    """The process of a service ends before its commit."""


class World(Country):
    """A country, two databases, the events on their way, and what the model knows."""

    def __init__(self, databases: Mapping[str, Database], schools: int) -> None:
        super().__init__(schools)
        self.databases = databases
        self.handlers = {"transfer": transfer_handle, "dossier": dossier_handle}
        self.consumers = {
            "transfer": Consumer("transfer", databases["transfer"], "", transfer_handle),
            "dossier": Consumer("dossier", databases["dossier"], "", self._note),
        }
        self.queues: dict[str, list[Received]] = {name: [] for name in self.handlers}
        self.ledger = Ledger()
        self.written: dict[UUID, int] = {}
        self.lifted: set[UUID] = set()
        self._taken: dict[object, tuple[int, Batch, list[Event]]] = {}
        self._order = itertools.count()

    async def clear(self) -> None:
        """Begin with empty databases."""
        for name, tables in TABLES.items():
            async with self.databases[name].connection() as connection:
                # Faster than TRUNCATE, which makes new files.
                await connection.execute("; ".join(f"DELETE FROM {t}" for t in tables.split()))
        async with self.databases["transfer"].connection() as connection:
            await connection.execute("UPDATE reconcile SET decided_until = '-infinity'")

    async def switch(self, school: int, active: bool) -> None:
        """A school sets « Transferts », as the API does."""
        uai = self.uai(school)
        async with self.databases["transfer"].transaction() as transaction:
            row = await schools.participation(transaction.connection, uai)
            version = row["version"] if row else 0
            await acting.switch(transaction, uai, version, "test", active=active)

    async def write(self, school: int, number: int, which: int = 0) -> None:
        """A module writes a record of someone, under any card that his school has of him."""
        uai, record_id = self.uai(school), uuid4()
        cards = [p for p in self.cards.values() if (p.uai, p.number) == (uai, number)]
        if not cards:
            return
        person = cards[which % len(cards)]
        kind = list(domain.Kind)[len(self.written) % len(domain.Kind)]
        try:
            async with self.databases["dossier"].transaction() as transaction:
                content = {**CONTENT, "kind": kind}
                await writing.add(transaction, uai, person.id, record_id, content)
        except domain.UnknownLearnerError:
            return
        self.written[record_id] = number
        self.ledger.write(record_id, person.id, kind)

    async def change(self, school: int, number: int) -> None:
        """A module changes all records that someone holds in a school."""
        uai = self.uai(school)
        for person in self.cards_of(uai, number):
            async with self.databases["dossier"].connection() as connection:
                rows = await records.records_of(connection, person.id, None, 50)
            for row in rows:
                async with self.databases["dossier"].transaction() as transaction:
                    content = {**CONTENT, "kind": row["kind"]}
                    changed = await writing.change(
                        transaction, uai, person.id, row["id"], row["version"], content
                    )
                assert changed is not None
                self.ledger.records[row["id"]].version = changed["version"]

    async def erases(self, school: int, number: int) -> None:
        """Someone who has left is forgotten, unless `transfer` has something under way."""
        for person in self.cards_of(self.uai(school), number)[:1]:
            cards = [one for one in self.cards if self.survivor(one) == person.id]
            async with self.databases["transfer"].connection() as connection:
                held = await lists.under_way(connection, cards)
            if not (person.active or held):
                self.erase(person)

    async def _act(self, act: Callable[[Transaction], Awaitable[None]]) -> bool:
        """Do what staff want, as the API does; whether it was possible."""
        try:
            async with self.databases["transfer"].transaction() as transaction:
                await act(transaction)
        except IMPOSSIBLE:
            return False
        return True

    async def oppose(self, school: int, number: int, lifted: bool) -> None:
        """A family objects, or no longer."""
        uai = self.uai(school)
        for person in self.cards_of(uai, number)[:1]:
            await self._act(
                partial(acting.oppose, uai=uai, pupil_id=person.id, by_whom="x", lifted=lifted)
            )

    async def judge(self, school: int, number: int, same: bool) -> None:
        """Staff give their opinion of every pair that concerns someone of the school."""
        uai = self.uai(school)
        others = [p for p in self.present_cards() if p.number == number and p.uai != uai]
        for own, other in itertools.product(self.cards_of(uai, number), others):
            for pair in ((own.id, other.id), (other.id, own.id)):
                await self._act(
                    partial(
                        acting.judge, uai=uai, pair=pair, by_whom="x", same=same,
                        administrator=False,
                    )
                )  # fmt: skip

    async def hands_over(self, steps: int) -> None:
        """Someone outside SIECLE goes, is offered to his new school and accepted there."""
        await self.goes(steps, OUTSIDE)
        await self.settle(random.Random(steps))
        await self.offer(steps)
        await self.answer(steps, "accept")

    async def offer(self, which: int) -> None:
        """A school offers someone who has left it to the school where he is now, or to another."""
        gone = [person for person in self.present_cards() if not person.active]
        gone = [person for person in gone if person.number == OUTSIDE] or gone
        if not gone:
            return
        person = gone[which % len(gone)]
        there = [p.uai for p in self.cards.values() if p.active and p.number == person.number]
        to = there[0] if there else next(uai for uai in self.schools if uai != person.uai)
        wanted = [NewOffer(person.id, 0, to, "both", NOW.date(), "1")]
        await self._act(
            partial(
                acting.offer, uai=person.uai, batch=uuid4(), by_whom="x", wanted=wanted, now=NOW
            )
        )

    async def answer(self, which: int, how: str) -> None:
        """A school deals with an offer that it has made or received."""
        row = await self._one_of("offered", which)
        offered = self.cards.get(row["origin_pupil"]) if row else None
        if row is None or offered is None:
            return
        side = "destination" if how in {"accept", "refuse"} else "origin"
        act = partial(ANSWERS[how], uai=row[f"{side}_uai"], transfer_id=row["id"], by_whom="x")
        if how == "accept":
            here = self.cards_of(row["destination_uai"], offered.number)
            act = partial(act, pupil_id=here[0].id if here else uuid4())
        elif how == "refuse":
            act = partial(act, because="not-enrolled")
        await self._act(act)

    async def reverse(self, which: int) -> None:
        """A school takes back a transfer that it has received."""
        row = await self._one_of("closed", which)
        if row is not None:
            await self._act(
                partial(
                    acting.reverse,
                    uai=row["destination_uai"],
                    transfer_id=row["id"],
                    by_whom="x",
                    because="wrong-school",
                    now=dt.datetime.now(dt.UTC),
                )
            )

    async def lift(self, which: int) -> None:
        """A school lets records move again where a transfer was reversed."""
        row = await self._one_of("reversed", which)
        if row is not None and await self._act(
            partial(acting.lift_hold, uai=row["origin_uai"], transfer_id=row["id"], by_whom="x")
        ):
            self.lifted.add(row["id"])

    async def _one_of(self, state: str, which: int) -> asyncpg.Record | None:
        """One of the transfers in a state, those of the reversals apart."""
        async with self.databases["transfer"].connection() as connection:
            rows = await connection.fetch(
                "SELECT * FROM transfer WHERE state = $1 AND kind <> 'reversal' ORDER BY id", state
            )
        return rows[which % len(rows)] if rows else None

    async def deliver(self, seed: int) -> None:
        """Deliver all that there is, or some of it, as `seed` has it."""
        dice = random.Random(seed)
        await (self.carry(dice) if seed % 2 else self.settle(dice))

    async def carry(self, dice: random.Random, *, everything: bool = False) -> None:
        """Deliver some of what waits: any part, in any order, some of it twice, two batches at
        once, some only to a process that ends before its commit.
        """
        for name in self.databases:
            await self._collect()
            waiting = self.queues[name]
            dice.shuffle(waiting)
            count = len(waiting) if everything else dice.randint(0, len(waiting))
            batch, self.queues[name] = waiting[:count], waiting[count:]
            if batch and not everything and dice.random() < 0.2:
                await self._restart(name, batch)
            size = dice.randint(1, 5)
            parts = [batch[start : start + size] for start in range(0, len(batch), size)]
            for pair in zip(parts[::2], [*parts[1::2], []], strict=False):
                await asyncio.gather(*(self._handle(name, part) for part in pair if part))
                self._enter_taken()
            if not everything:
                self.queues[name] += dice.sample(batch, len(batch) // 4)  # come again

    async def _note(self, transaction: Transaction, batch: Batch) -> None:
        """What `dossier` makes of a batch, and when: its learners are still locked."""
        await dossier_handle(transaction, batch)
        taken = next(self._order), batch, list(transaction.events)
        self._taken[asyncio.current_task()] = taken

    def _enter_taken(self) -> None:
        """Enter into the ledger what `dossier` has committed."""
        for _, batch, answers in sorted(self._taken.values(), key=itemgetter(0)):
            self.ledger.take(batch.events, answers)
        self._taken.clear()

    async def _handle(self, name: str, batch: list[Received]) -> None:
        """Handle a batch as the consumer does: what fails with others is tried alone."""
        for _ in range(CUT_TRIES):
            with suppress(asyncpg.DeadlockDetectedError):
                await self.consumers[name]._handle_once(batch)
                return
        raise AssertionError("deadlocks for ever")

    async def _restart(self, name: str, batch: list[Received]) -> None:
        async def ends(transaction: Any, events: Any) -> None:
            await self.handlers[name](transaction, events)
            raise RestartError

        dying = Consumer(name, self.databases[name], "", ends)
        try:
            await dying._handle_once(batch)
        except RestartError:
            return

    async def _collect(self) -> None:
        """Take what has been told to the queues."""
        told = [Received(uuid4(), event, {}) for event in self.told]
        self.told.clear()
        for database in self.databases.values():
            async with database.transaction() as transaction:
                rows = await transaction.connection.fetch("DELETE FROM outbox RETURNING envelope")
            told += [decode(json.loads(row["envelope"])) for row in rows]
        for received in told:
            if isinstance(received.event, TransferClosed):
                self._hear(received.event)
            for name in self.queues:
                if received.event.type in heard_by(name):
                    self.queues[name].append(received)

    def _hear(self, closed: TransferClosed) -> None:
        """What `siecle_import` notes: who is part of a transfer stays when an import is undone."""
        for applied in self.applied.values():
            applied.transferred |= {closed.origin.pupil_id, closed.destination.pupil_id}

    async def settle(self, dice: random.Random) -> None:
        """Deliver all that there is, until nothing is left."""
        for _ in range(50):
            await self.carry(dice, everything=True)
            await self._collect()
            if not any(self.queues.values()):
                return
        raise AssertionError("events go on for ever")


CONTENT: dict[str, Any] = {
    "kind": domain.Kind.BILAN,
    "title": "Bilan",
    "diploma": None,
    "body": {},
    "author": "M. Professeur",
    "written_on": dt.date(2025, 11, 20),
}
TABLES = {
    "transfer": "outbox inbox parked match_key presence announced_departure import_in_force"
    " participation participation_change authorisation transfer gone opposition not_to_transfer"
    " opinion act school merged",
    "dossier": "outbox inbox parked record learner move erased",
}
