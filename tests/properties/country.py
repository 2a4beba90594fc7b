"""A small country: two to five schools, and the persons who go from one to another.

It says who is where, as `siecle_import` would: whole states with versions, in `told`.
"""

import datetime as dt
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from shared.events import (
    NO_IMPORT,
    UNDONE,
    UNMERGED,
    Event,
    ImportApplied,
    PupilCreated,
    PupilDeactivated,
    PupilErased,
    PupilEvent,
    PupilMerged,
    PupilReactivated,
    PupilUpdated,
    PupilVersion,
    SchoolUpdated,
)
from shared.identifiers import Uai
from tests.support.pupils import SEPTEMBER, keys

SCHOOLS = tuple(
    Uai.parse(code) for code in ("9990001X", "9990002Y", "9990003Z", "9990004A", "9990005B")
)
OUTSIDE = 3
"""The number of a person who is not in SIECLE and has no INE."""


@dataclass
class Person:
    """A card of someone in one school's base, as `siecle_import` holds it."""

    number: int
    uai: Uai
    id: UUID = field(default_factory=uuid4)
    version: int = 0
    stay: int = 0
    active: bool = False
    born: int = 1
    activated: dt.datetime = SEPTEMBER
    reason: str | None = None
    merged_into: UUID | None = None


@dataclass
class Applied:
    """The last import of a school: how each learner whom it changed was before, his version after
    it, and who has been part of a closed transfer since.
    """

    before: dt.datetime
    made: dict[UUID, tuple[Person | None, int]]
    transferred: set[UUID] = field(default_factory=set)


@dataclass
class Merge:
    """Two cards made one: whose, the merged one before, and the school's imports until then."""

    survivor: UUID
    before: Person
    number: int


class Country:
    """The bases of the schools, and what they have told."""

    def __init__(self, schools: int) -> None:
        self.schools = SCHOOLS[:schools]
        self.cards: dict[UUID, Person] = {}
        self.closed: set[Uai] = set()
        self.erased: set[UUID] = set()
        self.merged: list[Merge] = []
        self.applied: dict[Uai, Applied] = {}
        self.numbers = dict.fromkeys(self.schools, 0)
        self.last_import = dict.fromkeys(self.schools, NO_IMPORT)
        self.told: list[Event] = []
        self._days = 0

    def uai(self, school: int) -> Uai:
        """One of the schools."""
        return self.schools[school % len(self.schools)]

    def cards_of(self, uai: Uai, number: int) -> list[Person]:
        """Those of a person in a school who go on as nobody else, the active ones first."""
        found = [p for p in self.present_cards() if (p.uai, p.number) == (uai, number)]
        return sorted(found, key=lambda p: not p.active)

    def present_cards(self) -> list[Person]:
        """All that are not merged into others."""
        return [person for person in self.cards.values() if person.merged_into is None]

    def survivor(self, pupil_id: UUID) -> UUID:
        """Whom a learner goes on as."""
        person = self.cards.get(pupil_id)
        return self.survivor(person.merged_into) if person and person.merged_into else pupil_id

    async def imports(self, school: int, present: set[int], twice: int | None = None) -> None:
        """A school imports an export of these persons; one may stand in it twice."""
        uai = self.uai(school)
        if uai in self.closed:
            return
        moment = self._tomorrow()
        before = {p.id: replace(p) for p in self.cards.values() if p.uai == uai}
        for number in sorted(present):
            cards = self.cards_of(uai, number)
            if not cards or (number == twice and len(cards) == 1):
                cards = [Person(number, uai), *cards]
                self.cards[cards[0].id] = cards[0]
                self._comes(cards[0], moment)
            elif not cards[0].active:
                self._comes(cards[0], moment)
        missing = [p for p in self._active(uai) if p.number not in present]
        for person in missing:
            self._leaves(person, "absent")
        made = {
            p.id: (before.get(p.id), p.version)
            for p in self.cards.values()
            if p.uai == uai and (p.id not in before or p.version > before[p.id].version)
        }
        self.applied[uai] = Applied(self.last_import[uai], made)
        self._in_force(uai, moment, missing)

    def _tomorrow(self) -> dt.datetime:
        self._days += 1
        return SEPTEMBER + dt.timedelta(days=self._days)

    def _active(self, uai: Uai) -> list[Person]:
        return [p for p in self.cards.values() if p.uai == uai and p.active]

    def _comes(self, person: Person, activated: dt.datetime) -> None:
        person.active, person.activated, person.reason = True, activated, None
        person.stay += 1
        self._tell(person, PupilReactivated if person.version else PupilCreated)

    def _leaves(self, person: Person, reason: str) -> None:
        person.active, person.reason = False, reason
        self._tell(person, PupilDeactivated)

    def _tell(self, person: Person, kind: type[PupilEvent] | None = None) -> None:
        """Tell the state of a learner after a change."""
        person.version += 1
        outside = person.number == OUTSIDE
        kind = kind or (PupilUpdated if person.active else PupilDeactivated)
        self.told.append(
            kind(
                pupil_id=person.id,
                version=person.version,
                stay=person.stay,
                uai=person.uai,
                active=person.active,
                since=SEPTEMBER + dt.timedelta(days=self._days),
                activated=person.activated,
                reason=person.reason,
                source="hand" if outside else "siecle",
                has_birth_date=True,
                keys=() if outside else (keys(person.number, born=person.born),),
                key_version=1,
            )
        )

    def _in_force(self, uai: Uai, moment: dt.datetime, gone: list[Person]) -> None:
        """Tell which import of a school counts now, and whom it has deactivated."""
        self.numbers[uai] += 1
        self.last_import[uai] = moment
        self.told.append(
            ImportApplied(
                uai=uai,
                number=self.numbers[uai],
                horodatage=moment,
                school_year=0 if moment == NO_IMPORT else 2025,
                source="siecle",
                deactivated=tuple(PupilVersion(pupil_id=p.id, version=p.version) for p in gone),
            )
        )

    async def goes(self, steps: int, number: int) -> None:
        """Someone leaves where he is for another school, so many further on; both import."""
        here = [p.uai for p in self.cards.values() if p.number == number and p.active]
        now = self.schools.index(here[0]) if here else 0
        others = [(now + 1 + place) % len(self.schools) for place in range(len(self.schools) - 1)]
        others = [place for place in others if self.schools[place] not in self.closed]
        to = others[steps % len(others)]
        await self.imports(now, self._present(now) - {number})
        await self.imports(to, self._present(to) | {number})

    def _present(self, school: int) -> set[int]:
        return {person.number for person in self._active(self.uai(school))}

    async def doubles(self, school: int, number: int) -> None:
        """Someone stands twice in an export of a school, and gets a second card."""
        await self.imports(school, self._present(school) | {number}, twice=number)

    async def corrects(self, school: int, number: int) -> None:
        """A school corrects a birth date, or makes it wrong: a later import tells."""
        for person in self.cards_of(self.uai(school), number)[:1]:
            person.born = 3 - person.born
            self._tell(person)

    async def undoes(self, school: int) -> None:
        """A school undoes its last import: whom nothing else has changed since is as before."""
        uai, gone = self.uai(school), list[Person]()
        applied = self.applied.pop(uai, None)
        if applied is None or uai in self.closed:
            return
        self._tomorrow()
        for pupil_id, (before, version) in applied.made.items():
            person = self.cards.get(pupil_id)
            if person is None or person.version != version or pupil_id in applied.transferred:
                continue
            if before is None:
                self._leaves(person, UNDONE)
            elif before.active:
                self._comes(person, before.activated)
            else:
                person.activated = before.activated
                self._leaves(person, before.reason or "absent")
                gone.append(person)
        self._in_force(uai, applied.before, gone)

    async def merges(self, school: int, number: int, younger: bool) -> None:
        """Two cards of one person in a school become one; an active one goes on."""
        cards = self.cards_of(self.uai(school), number)
        if len(cards) < 2 or cards[0].uai in self.closed:
            return
        survivor, other = cards[:2]
        if younger and survivor.active == other.active:
            survivor, other = other, survivor
        self.merged.append(Merge(survivor.id, replace(other), self.numbers[other.uai]))
        other.merged_into, other.active, other.reason = survivor.id, False, "fusion"
        other.version += 1
        self._tell(survivor)
        self._tell_merge(survivor, other, undone=False)

    async def parts(self, which: int) -> None:
        """A merge is undone, and each is himself again."""
        possible = [m for m in self.merged if self._can_part(m)]
        if not possible:
            return
        merge = possible[which % len(possible)]
        self.merged.remove(merge)
        survivor, other = self.cards[merge.survivor], self.cards[merge.before.id]
        other.merged_into, other.active = None, merge.before.active
        other.reason = merge.before.reason
        if other.active and self.numbers[other.uai] != merge.number:
            other.active, other.reason = False, UNMERGED
        self._tell(survivor)
        self._tell(other)
        self._tell_merge(survivor, other, undone=True)

    def _can_part(self, merge: Merge) -> bool:
        survivor = self.cards.get(merge.survivor)
        return survivor is not None and not survivor.merged_into and survivor.uai not in self.closed

    def _tell_merge(self, survivor: Person, other: Person, *, undone: bool) -> None:
        self.told.append(
            PupilMerged(
                uai=survivor.uai,
                surviving_id=survivor.id,
                surviving_version=survivor.version,
                merged_id=other.id,
                merged_version=other.version,
                undone=undone,
            )
        )

    async def closes(self, school: int) -> None:
        """A school closes, as long as two are left: all its learners have left it."""
        uai = self.uai(school)
        if uai in self.closed or len(self.schools) - len(self.closed) < 3:
            return
        self.closed.add(uai)
        self._tomorrow()
        self.told.append(SchoolUpdated(uai=uai, version=1, name="Lycée", open=False))
        for person in self._active(uai):
            self._leaves(person, "ferme")

    def erase(self, person: Person) -> None:
        """Forget a card, with those that go on as it."""
        for one in [p.id for p in self.cards.values() if self.survivor(p.id) == person.id]:
            self.erased.add(one)
            self.told.append(PupilErased(pupil_id=one))
        for one in self.erased:
            self.cards.pop(one, None)
