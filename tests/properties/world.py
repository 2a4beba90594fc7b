"""A small country: two to five schools and the persons who go from one to another.

The model says who is where; `transfer` and `dossier` are the real services on real databases.
Events are carried from outbox to inbox by the test, which repeats and shuffles deliveries, and lets
a service « restart » by abandoning what it has not committed.
"""

import datetime as dt
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from services.dossier import domain
from services.dossier.handlers import handle as dossier_handle
from services.dossier.store import learners, records
from services.transfer.deciding import decide
from services.transfer.handlers import handle as transfer_handle
from services.transfer.reconcile import reconcile
from services.transfer.store import presences, schools, single_file
from shared.database import Database
from shared.events import (
    ImportApplied,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
    PupilReactivated,
    PupilVersion,
    Received,
    decode,
    heard_by,
)
from shared.identifiers import Uai
from shared.messaging.consumer import Consumer
from tests.support.pupils import SEPTEMBER, keys

SCHOOLS = tuple(
    Uai.parse(code) for code in ("9990001X", "9990002Y", "9990003Z", "9990004A", "9990005B")
)


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

    async def clear(self) -> None:
        """Begin with empty databases."""
        for name, tables in TABLES.items():
            async with self.databases[name].connection() as connection:
                await connection.execute(f"TRUNCATE {tables}")
        async with self.databases["transfer"].connection() as connection:
            await connection.execute("UPDATE reconcile SET decided_until = '-infinity'")

    def _queue(self, *events: PupilEvent | ImportApplied) -> None:
        """Send events of `siecle_import` to their listeners, each with an id of its own."""
        for event in events:
            for name in self.queues:
                if event.type in heard_by(name):
                    self.queues[name].append(Received(uuid4(), event, {}))

    def imports(self, school: int, present: set[int]) -> None:
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

    def goes(self, school: int, number: int) -> None:
        """Someone leaves where he is for another school; both import."""
        to = self.schools[school % len(self.schools)]
        for uai in self.schools:
            there = {n for (where, n), p in self.base.items() if where == uai and p.active}
            if number in there and uai != to:
                self.imports(self.schools.index(uai), there - {number})
            elif uai == to:
                self.imports(self.schools.index(uai), there | {number})

    def _event(self, person: Person, kind: type[PupilEvent]) -> PupilEvent:
        person.version += 1
        return kind(
            pupil_id=person.id,
            version=person.version,
            stay=person.stay,
            uai=person.uai,
            active=person.active,
            since=SEPTEMBER + dt.timedelta(days=self.days),
            activated=person.activated,
            reason=None if person.active else "absent",
            source="siecle",
            has_birth_date=True,
            keys=(keys(person.number),),
            key_version=1,
        )

    async def switch(self, school: int, *, active: bool) -> None:
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
        self.written[record_id] = number

    async def carry(self, dice: random.Random, *, everything: bool = False) -> None:
        """Deliver some of what waits: any part, in any order, some of it twice, some only to a
        process that ends before its commit.
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
            for start in range(0, len(batch), size):
                await self.consumers[name]._handle_once(batch[start : start + size])
            if not everything:
                self.queues[name] += dice.sample(batch, len(batch) // 4)  # come again

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

    async def check(self) -> None:
        """What must hold when no event is left (docs/transfer.md)."""
        await self._check_presences()
        await self._check_records()
        await self._check_transfers()
        assert await reconcile(self.databases["transfer"]) == 0, "nothing is left to do"

    async def _check_presences(self) -> None:
        async with self.databases["transfer"].connection() as connection:
            rows = await connection.fetch("SELECT pupil_id, version, active FROM presence")
        assert {(r["pupil_id"], r["version"], r["active"]) for r in rows} == {
            (p.id, p.version, p.active) for p in self.base.values()
        }

    async def _check_records(self) -> None:
        """Each record once, held by the person it is about, in a school where he was once."""
        async with self.databases["dossier"].connection() as connection:
            rows = await connection.fetch("SELECT id, pupil_id FROM record")
        people = {person.id: person for person in self.base.values()}
        assert sorted(row["id"] for row in rows) == sorted(self.written)
        for row in rows:
            assert people[row["pupil_id"]].number == self.written[row["id"]]

    async def _check_transfers(self) -> None:
        async with self.databases["transfer"].connection() as connection:
            rows = await connection.fetch("SELECT * FROM transfer")
            on = await connection.fetch("SELECT uai FROM participation WHERE active")
        assert all(row["state"] in {"closed", "cancelled"} for row in rows)
        closed = [(r["origin_pupil"], r["origin_stay"]) for r in rows if r["state"] == "closed"]
        assert len(closed) == len(set(closed)), "a departure is transferred once"
        self._check_nobody_forgotten(set(closed), {row["uai"] for row in on}, rows)

    def _check_nobody_forgotten(
        self, closed: set[tuple[UUID, int]], on: set[str], rows: list[Any]
    ) -> None:
        """The rule, said again in the simplest way, finds nothing to do."""
        over = {
            (r["origin_pupil"], r["origin_stay"])
            for r in rows
            if r["refused_because"] == "returned"
        }
        for person in self.base.values():
            if person.active or (person.id, person.stay) in closed | over:
                continue
            claims = [
                other
                for other in self.base.values()
                if other.number == person.number
                and other.uai != person.uai
                and other.active
                and self.last_import[other.uai] > person.activated
            ]
            moves = len(claims) == 1 and {person.uai, claims[0].uai} <= on
            assert not moves, f"{person} should have gone to {claims}"


CONTENT: dict[str, Any] = {
    "kind": domain.Kind.BILAN,
    "title": "Bilan",
    "diploma": None,
    "body": {},
    "author": "M. Professeur",
    "written_on": dt.date(2025, 11, 20),
}
TABLES = {
    "transfer": "outbox, inbox, parked, presence, match_key, announced_departure, import_in_force,"
    " participation, participation_change, transfer, gone",
    "dossier": "outbox, inbox, parked, learner, record, move, erased",
}
