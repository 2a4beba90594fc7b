"""A small country: two to five schools, the persons who go from one to another, and the staff.

The world says who is where; `transfer` and `dossier` are the real services on real databases.
Events are carried from outbox to inbox by the test, which repeats and shuffles deliveries, handles
two batches at once, and lets a service « restart » by abandoning what it has not committed. What
must hold at the end: `model.py`.
"""

import asyncio
import datetime as dt
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.dossier import domain
from services.dossier.handlers import answer_of
from services.dossier.handlers import handle as dossier_handle
from services.dossier.store import learners, moves, records
from services.transfer import acting
from services.transfer.deciding import decide
from services.transfer.domain import errors
from services.transfer.handlers import handle as transfer_handle
from services.transfer.store import presences, schools, single_file
from services.transfer.store.offers import NewOffer
from shared.database import Database, Transaction
from shared.envelope import Received, decode
from shared.events import (
    ImportApplied,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
    PupilReactivated,
    PupilUpdated,
    PupilVersion,
    heard_by,
)
from shared.identifiers import Uai
from shared.messaging.consumer import CUT_TRIES, Consumer
from tests.support.pupils import SEPTEMBER, keys

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
SCHOOLS = tuple(
    Uai.parse(code) for code in ("9990001X", "9990002Y", "9990003Z", "9990004A", "9990005B")
)

OUTSIDE = 3
"""The number of a person who is not in SIECLE and has no INE."""


class RestartError(Exception):
    """The process of a service ends before its commit."""


@dataclass
class Person:
    """Someone in one school's base, as `siecle_import` holds him."""

    number: int
    uai: Uai
    id: UUID = field(default_factory=uuid4)
    version: int = 0
    stay: int = 0
    active: bool = False
    born: int = 1
    activated: dt.datetime = SEPTEMBER


class World:
    """Two databases, the events on their way, and what the model knows."""

    def __init__(self, databases: Mapping[str, Database], schools: int) -> None:
        self.databases = databases
        self.schools = SCHOOLS[:schools]
        self.handlers = {"transfer": transfer_handle, "dossier": dossier_handle}
        self.consumers = {
            name: Consumer(name, databases[name], "", handler)
            for name, handler in self.handlers.items()
        }
        self.queues: dict[str, list[Received]] = {name: [] for name in self.handlers}
        self.base: dict[tuple[Uai, int], Person] = {}
        self.numbers = dict.fromkeys(self.schools, 0)
        self.days = 0
        self.last_import: dict[Uai, dt.datetime] = {}
        self.written: dict[UUID, int] = {}
        self.opinions: dict[tuple[UUID, UUID], dict[str, tuple[bool, bool]]] = {}
        self.opposed: set[UUID] = set()
        self.lifted: set[UUID] = set()

    async def clear(self) -> None:
        """Begin with empty databases."""
        for name, tables in TABLES.items():
            async with self.databases[name].connection() as connection:
                # Faster than TRUNCATE, which makes new files.
                await connection.execute("; ".join(f"DELETE FROM {t}" for t in tables.split()))
        async with self.databases["transfer"].connection() as connection:
            await connection.execute("UPDATE reconcile SET decided_until = '-infinity'")

    def _queue(self, *events: PupilEvent | ImportApplied) -> None:
        """Send events of `siecle_import` to their listeners, each with an id of its own."""
        for event in events:
            for name in self.queues:
                if event.type in heard_by(name):
                    self.queues[name].append(Received(uuid4(), event, {}))

    async def imports(self, school: int, present: set[int]) -> None:
        """A school imports an export of these persons."""
        uai = self.schools[school % len(self.schools)]
        self.days += 1
        moment = SEPTEMBER + dt.timedelta(days=self.days)
        self.numbers[uai] += 1
        self.last_import[uai] = moment
        gone = []
        for number in sorted(present):
            person = self.base.setdefault((uai, number), Person(number, uai))
            if not person.active:
                kind = PupilReactivated if person.version else PupilCreated
                person.active, person.activated = True, moment
                person.stay += 1
                self._queue(self._event(person, kind))
        for (where, number), person in self.base.items():
            if where == uai and person.active and number not in present:
                person.active = False
                self._queue(self._event(person, PupilDeactivated))
                gone.append(PupilVersion(pupil_id=person.id, version=person.version))
        self._queue(
            ImportApplied(
                uai=uai,
                number=self.numbers[uai],
                horodatage=moment,
                school_year=2025,
                source="siecle",
                deactivated=tuple(gone),
            )
        )

    async def goes(self, steps: int, number: int) -> None:
        """Someone leaves where he is for another school, so many further on; both import."""
        here = [uai for (uai, n), person in self.base.items() if n == number and person.active]
        now = self.schools.index(here[0]) if here else 0
        to = (now + 1 + steps % (len(self.schools) - 1)) % len(self.schools)
        await self.imports(now, self._present(now) - {number})
        await self.imports(to, self._present(to) | {number})

    def _present(self, school: int) -> set[int]:
        uai = self.schools[school]
        return {n for (where, n), person in self.base.items() if where == uai and person.active}

    def _event(self, person: Person, kind: type[PupilEvent]) -> PupilEvent:
        person.version += 1
        outside = person.number == OUTSIDE
        return kind(
            pupil_id=person.id,
            version=person.version,
            stay=person.stay,
            uai=person.uai,
            active=person.active,
            since=SEPTEMBER + dt.timedelta(days=self.days),
            activated=person.activated,
            reason=None if person.active else "absent",
            source="hand" if outside else "siecle",
            has_birth_date=True,
            keys=() if outside else (keys(person.number, born=person.born),),
            key_version=1,
        )

    async def switch(self, school: int, active: bool) -> None:
        """A school sets « Transferts », as the API does."""
        uai = self.schools[school % len(self.schools)]
        async with self.databases["transfer"].transaction() as transaction:
            await single_file(transaction.connection)
            row = await schools.participation(transaction.connection, uai)
            version = row["version"] if row else 0
            await schools.switch(transaction.connection, uai, version, "test", active=active)
            await decide(
                transaction, await presences.keys_of_schools(transaction.connection, [uai])
            )

    async def write(self, school: int, number: int) -> None:
        """A module writes a record of someone whom `dossier` knows and whose dossier is there."""
        uai = self.schools[school % len(self.schools)]
        person = self.base.get((uai, number))
        if person is None:
            return
        record_id = uuid4()
        async with self.databases["dossier"].transaction() as transaction:
            connection = transaction.connection
            try:
                place = domain.place_of(await learners.way_for_writing(connection, person.id), uai)
            except domain.UnknownLearnerError:
                return
            await records.add_record(connection, record_id, place, CONTENT)
            if place.followed:
                decision = await moves.followed(connection, place.followed[0], CONTENT["kind"])
                transaction.publish([answer_of(decision)] if decision else [])
        self.written[record_id] = number

    async def corrects(self, school: int, number: int) -> None:
        """A school corrects a birth date, or makes it wrong: a later import tells."""
        person = self.base.get((self._uai(school), number))
        if person is not None:
            person.born = 3 - person.born
            kind = PupilUpdated if person.active else PupilDeactivated
            self._queue(self._event(person, kind))

    def _uai(self, school: int) -> Uai:
        return self.schools[school % len(self.schools)]

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
        uai = self._uai(school)
        person = self.base.get((uai, number))
        if person is not None and await self._act(
            partial(acting.oppose, uai=uai, pupil_id=person.id, by_whom="x", lifted=lifted)
        ):
            (self.opposed.discard if lifted else self.opposed.add)(person.id)

    async def judge(self, school: int, number: int, same: bool) -> None:
        """Staff give their opinion of every pair that concerns someone of the school."""
        uai = self._uai(school)
        own = self.base.get((uai, number))
        for other in list(self.base.values()):
            if own is None or other.number != number or other.uai == uai:
                continue
            for pair, side in (((own, other), "origin"), ((other, own), "destination")):
                ids = pair[0].id, pair[1].id
                alike = await self._alike(ids)
                if await self._act(
                    partial(
                        acting.judge, uai=uai, pair=ids, by_whom="x", same=same, administrator=False
                    )
                ):
                    self.opinions.setdefault(ids, {})[side] = same, alike

    async def _alike(self, pair: tuple[UUID, UUID]) -> bool:
        """Whether `transfer` holds the same birth date of two learners just now."""
        async with self.databases["transfer"].connection() as connection:
            births = await connection.fetch(
                "SELECT birth_key FROM match_key WHERE pupil_id = ANY($1::uuid[])", list(pair)
            )
        return len({row["birth_key"] for row in births}) == 1

    async def hands_over(self, steps: int) -> None:
        """Someone outside SIECLE goes, is offered to his new school and accepted there."""
        await self.goes(steps, OUTSIDE)
        await self.settle(random.Random(steps))
        await self.offer(steps)
        await self.answer(steps, "accept")

    async def offer(self, which: int) -> None:
        """A school offers someone who has left it to the school where he is now, or to another."""
        gone = [person for person in self.base.values() if not person.active]
        gone = [person for person in gone if person.number == OUTSIDE] or gone
        if not gone:
            return
        person = gone[which % len(gone)]
        there = [p.uai for p in self.base.values() if p.active and p.number == person.number]
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
        if row is None:
            return
        side = "destination" if how in {"accept", "refuse"} else "origin"
        act = partial(ANSWERS[how], uai=row[f"{side}_uai"], transfer_id=row["id"], by_whom="x")
        if how == "accept":
            number = next(p.number for p in self.base.values() if p.id == row["origin_pupil"])
            here = self.base.get((row["destination_uai"], number))
            act = partial(act, pupil_id=here.id if here else uuid4())
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

    async def change(self, school: int, number: int) -> None:
        """A module changes all records that someone holds in a school."""
        person = self.base.get((self._uai(school), number))
        if person is None:
            return
        async with self.databases["dossier"].transaction() as transaction:
            connection = transaction.connection
            await learners.way_for_writing(connection, person.id)
            for row in await records.records_of(connection, person.id, None, 50):
                await records.change_record(
                    connection, person.id, row["id"], row["version"], CONTENT
                )

    async def deliver(self, seed: int) -> None:
        """Deliver all that there is, or some of it, as `seed` has it."""
        dice = random.Random(seed)
        await (self.carry(dice) if seed % 2 else self.settle(dice))

    async def carry(self, dice: random.Random, *, everything: bool = False) -> None:
        """Deliver some of what waits: any part, in any order, some of it twice, two batches at
        once, some only to a process that ends before its commit.
        """
        for name, database in self.databases.items():
            await self._collect(database)
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
            if not everything:
                self.queues[name] += dice.sample(batch, len(batch) // 4)  # come again

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

    async def _collect(self, database: Database) -> None:
        """Take the outbox of a service to the queues."""
        async with database.transaction() as transaction:
            rows = await transaction.connection.fetch("DELETE FROM outbox RETURNING envelope")
        for row in rows:
            received = decode(json.loads(row["envelope"]))
            for name in self.queues:
                if received.event.type in heard_by(name):
                    self.queues[name].append(received)

    async def settle(self, dice: random.Random) -> None:
        """Deliver all that there is, until nothing is left."""
        for _ in range(50):
            await self.carry(dice, everything=True)
            for database in self.databases.values():
                await self._collect(database)
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
