"""Same events, any order, repeated, in any batches: the records end where the learner is.

A seeded history of learners who go from school to school is told to the real handlers, shuffled;
`dossier` is played by a dictionary. What must come out does not depend on the order.
"""

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from services.transfer.reconcile import reconcile
from shared.events import (
    DossierTransferred,
    Event,
    PupilCreated,
    PupilDeactivated,
    PupilUpdated,
)
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import SEPTEMBER, A, B, C, imported, keys, pupil

SCHOOLS = (A, B, C)


@dataclass
class History:
    """What has happened: the events, and where each learner's records must end."""

    events: list[Event] = field(default_factory=list)
    stays: dict[int, list[UUID]] = field(default_factory=dict)


def history(dice: random.Random, learners: int = 6) -> History:
    """Learners who go through one to three schools; each school imports at each step."""
    told = History()
    for step in range(len(SCHOOLS)):
        moment = SEPTEMBER + dt.timedelta(days=30 * step)
        told.events += [imported(school, step + 1, moment) for school in SCHOOLS]
    for learner in range(1, learners + 1):
        path = dice.sample(SCHOOLS, dice.randint(1, len(SCHOOLS)))
        told.stays[learner] = [uuid4() for _ in path]
        for step, (school, pupil_id) in enumerate(zip(path, told.stays[learner], strict=True)):
            # A learner is known from the import of his step; he has left by that of the next one.
            came = SEPTEMBER + dt.timedelta(days=30 * step, hours=-1)
            here = {"pupil_id": pupil_id, "activated": came}
            key = keys(learner)
            told.events.append(pupil(PupilCreated, school, key, **here))  # type: ignore[arg-type]
            told.events.append(
                pupil(PupilUpdated, school, key, version=2, **here)  # type: ignore[arg-type]
            )
            if step + 1 < len(path):
                told.events.append(
                    pupil(PupilDeactivated, school, key, version=3, **here)  # type: ignore[arg-type]
                )
    return told


class Dossier:
    """Where the records are: each learner's, under the id he had when they were written."""

    def __init__(self, told: History) -> None:
        self.holder = {pupil_id: pupil_id for stays in told.stays.values() for pupil_id in stays}
        self.answered: set[UUID] = set()

    async def answer_some(self, transfer: Transfer, dice: random.Random, share: float) -> int:
        """Move the records of some requests that are not answered yet, and say so."""
        answers: list[Event] = []
        for row in await transfer.transfers():
            if row["state"] == "requested" and dice.random() < share:
                if row["id"] not in self.answered:
                    self.answered.add(row["id"])
                    for record, holder in self.holder.items():
                        if holder == row["origin_pupil"]:
                            self.holder[record] = row["destination_pupil"]
                answers.append(DossierTransferred(transfer_id=row["id"], counts={}))
        await transfer.take(*answers)
        return len(answers)


async def play(transfer: Transfer, seed: int) -> tuple[History, Dossier]:
    """Tell a history in a shuffled order, twice over in places, with switches put on in between."""
    dice = random.Random(seed)
    told = history(dice)
    dossier = Dossier(told)
    events = told.events + dice.choices(told.events, k=len(told.events) // 2)
    dice.shuffle(events)
    switches = list(SCHOOLS)
    while events:
        size = dice.randint(1, 8)
        batch, events = events[:size], events[size:]
        await transfer.take(*batch)
        if switches and dice.random() < 0.3:
            await transfer.switch(switches.pop(), active=True)
        await dossier.answer_some(transfer, dice, 0.4)
    for school in switches:
        await transfer.switch(school, active=True)
    while await dossier.answer_some(transfer, dice, 1):
        pass
    return told, dossier


async def check(transfer: Transfer, seed: int) -> None:
    told, dossier = await play(transfer, seed)
    for learner, stays in told.stays.items():
        for record in stays:
            assert dossier.holder[record] == stays[-1], f"learner {learner}, seed {seed}"
    closed = Counter(
        (row["origin_pupil"], row["origin_stay"])
        for row in await transfer.transfers()
        if row["state"] == "closed"
    )
    assert not closed or max(closed.values()) == 1
    assert await reconcile(transfer.database) == 0, "nothing is left to do"


@pytest.mark.parametrize("seed", range(20))
async def test_the_records_end_where_the_learner_is_whatever_the_order(
    transfer: Transfer, seed: int
) -> None:
    await check(transfer, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20, 320))
async def test_the_records_end_where_the_learner_is_in_many_more_orders(
    transfer: Transfer, seed: int
) -> None:
    await check(transfer, seed)
