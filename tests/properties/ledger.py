"""Where each record belongs, said in the simplest way.

It goes through what `dossier` has taken in and answered, one batch after the other; one loop sends
on whatever stands where the dossier has gone on. Nothing here looks at what `dossier` holds:
`model.py` compares.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.events import (
    DossierTransferred,
    Event,
    PupilErased,
    PupilEvent,
    PupilMerged,
    TransferRequested,
)


@dataclass
class Kept:
    """A record: with which card it stands, its version, and which transfers have brought it there,
    with its version at each.
    """

    card: UUID
    kind: str
    version: int = 1
    trail: list[tuple[UUID, int]] = field(default_factory=list)

    def brought_by(self, transfer: UUID) -> bool:
        """Whether this was the last transfer that has moved it."""
        return bool(self.trail) and self.trail[-1][0] == transfer


@dataclass
class Gone:
    """That a learner's dossier has gone on: to whom, by which transfer, after which stay."""

    to: UUID
    transfer: UUID
    stay: int


class Ledger:
    """What `dossier` should hold."""

    def __init__(self) -> None:
        self.records: dict[UUID, Kept] = {}
        self.counts: dict[UUID, Counter[str]] = {}
        self.left: dict[UUID, list[UUID]] = {}
        self.reversed: set[UUID] = set()
        self._requests: dict[UUID, TransferRequested] = {}
        self._received: dict[UUID, UUID] = {}
        self._gone: dict[UUID, Gone] = {}
        self._versions: dict[UUID, int] = {}
        self._merges: dict[UUID, tuple[int, UUID | None]] = {}
        self._erased: set[UUID] = set()

    def take(self, events: Sequence[Event], answers: Sequence[Event]) -> None:
        """What `dossier` has made of a batch."""
        for event in events:
            if isinstance(event, PupilEvent):
                self._learner(event)
            elif isinstance(event, TransferRequested):
                self._requests[event.transfer_id] = event
        touched = [self._merge(event) for event in events if isinstance(event, PupilMerged)]
        for event in events:
            if isinstance(event, PupilErased):
                self._erase(event.pupil_id)
        moved = [answer.transfer_id for answer in answers if isinstance(answer, DossierTransferred)]
        touched += [self._move(self._requests[one]) for one in moved if one not in self.counts]
        self._follow(touched)

    def write(self, record_id: UUID, pupil_id: UUID, kind: str) -> None:
        """A school has written a record of a learner."""
        self.records[record_id] = Kept(self._own(pupil_id), kind)
        self._follow([])

    def _learner(self, event: PupilEvent) -> None:
        """A later stay begins anew."""
        if event.version > self._versions.get(event.pupil_id, 0):
            self._versions[event.pupil_id] = event.version
            gone = self._gone.get(event.pupil_id)
            if gone and event.stay > gone.stay:
                del self._gone[event.pupil_id]

    def _merge(self, event: PupilMerged) -> UUID:
        """Keep who goes on as whom, or is himself again; returns whom that concerns."""
        if event.merged_version > self._merges.get(event.merged_id, (0, None))[0]:
            to = None if event.undone else event.surviving_id
            self._merges[event.merged_id] = event.merged_version, to
        return event.merged_id

    def _erase(self, pupil_id: UUID) -> None:
        self._erased.add(pupil_id)
        self._gone.pop(pupil_id, None)
        self.records = {i: kept for i, kept in self.records.items() if kept.card != pupil_id}

    def _own(self, pupil_id: UUID) -> UUID:
        """Whom a learner goes on as."""
        return self._names(pupil_id)[-1]

    def _names(self, pupil_id: UUID) -> list[UUID]:
        """A learner, and those whom he goes on as, one after the other."""
        to = self._merges.get(pupil_id, (0, None))[1]
        return [pupil_id, *(self._names(to) if to is not None and to not in self._erased else [])]

    def _move(self, request: TransferRequested) -> UUID:
        """Move what stands with the origin, or back what the reversed transfer has brought and
        nobody has changed; returns who was named to receive.
        """
        to = self._own(request.destination.pupil_id)
        self.counts[request.transfer_id] = Counter()
        if request.reverses:
            holders = {self._own(request.origin.pupil_id), self._received[request.reverses]}
            self._move_back(request.transfer_id, request.reverses, holders, to)
            return request.destination.pupil_id
        self._received[request.transfer_id] = to
        for kept in self.records.values():
            if self._own(kept.card) == request.origin.pupil_id:
                self._carry(kept, to, request.transfer_id)
                self.counts[request.transfer_id][kept.kind] += 1
        gone = Gone(to, request.transfer_id, request.origin_stay)
        self._gone[request.origin.pupil_id] = gone
        if to == request.destination.pupil_id:  # he is there, and holds it himself
            self._gone.pop(to, None)
        return request.destination.pupil_id

    def _carry(self, kept: Kept, to: UUID, transfer: UUID) -> None:
        kept.trail.append((transfer, kept.version))
        kept.card = to

    def _move_back(self, reversal: UUID, transfer: UUID, holders: set[UUID], to: UUID) -> None:
        """Move back what still stands with whom the transfer brought it to."""
        self.reversed.add(transfer)
        self.left[reversal] = []
        for record_id, kept in self.records.items():
            if holders.isdisjoint(self._names(kept.card)) or not kept.brought_by(transfer):
                continue
            if kept.trail[-1][1] == kept.version:
                kept.trail.pop()
                kept.card = to
                self.counts[reversal][kept.kind] += 1
            else:
                kept.trail = []
                self.left[reversal].append(record_id)
        self._gone = {one: gone for one, gone in self._gone.items() if gone.transfer != transfer}

    def _follow(self, touched: Collection[UUID]) -> None:
        """Whatever stands with a learner whose dossier has gone on follows it to its end. Whose
        dossier has come round to himself, by a merge, holds it again.
        """
        for one in map(self._own, touched):
            if one in self._way(one):
                del self._gone[one]
        for kept in self.records.values():
            way = list(self._way(self._own(kept.card)))
            if way:
                first = self._gone[self._own(kept.card)].transfer
                self.counts[first][kept.kind] += 1
            for to in way:
                self._carry(kept, to, self._gone[self._own(kept.card)].transfer)

    def _way(self, one: UUID) -> Iterator[UUID]:
        """The learners to whom a dossier has gone on, one after the other."""
        seen: set[UUID] = set()
        while one in self._gone and one not in seen and self._gone[one].to not in self._erased:
            seen.add(one)
            one = self._own(self._gone[one].to)
            yield one
