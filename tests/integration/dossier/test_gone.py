"""Records of learners who are merged or erased."""

import itertools
from uuid import UUID

import pytest

from services.dossier.store import learners, records
from shared.database import Database
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilErased,
    PupilEvent,
    PupilMerged,
)
from tests.integration.dossier.test_moving import database, pair, request, take, write
from tests.support.pupils import A, arrival

__all__ = ["database", "pair"]


@pytest.fixture
async def doubles(database: Database) -> tuple[UUID, UUID]:
    """Two learners of A who are one person."""
    one, other = arrival(A), arrival(A)
    await take(database, one, other)
    return one.pupil_id, other.pupil_id


async def held(database: Database, pupil_id: UUID) -> set[UUID]:
    """The records that a learner holds, or whom he goes on as."""
    async with database.connection() as connection:
        learner = await learners.learner(connection, pupil_id)
        if learner is None:
            return set()
        rows = await records.records_of(connection, learner.pupil_id, None, 50)
    return {row["id"] for row in rows}


def merge(survivor: UUID, merged: UUID, version: int = 2, *, undone: bool = False) -> PupilMerged:
    return PupilMerged(
        uai=A,
        surviving_id=survivor,
        surviving_version=version,
        merged_id=merged,
        merged_version=version,
        undone=undone,
    )


async def test_rule_15_records_are_joined_and_each_gets_his_own_back(
    database: Database, doubles: tuple[UUID, UUID]
) -> None:
    survivor, merged = doubles
    his, others = await write(database, survivor), await write(database, merged)
    await take(database, merge(survivor, merged))
    assert await held(database, survivor) == {his, others}
    late = await write(database, merged)
    assert await held(database, survivor) == {his, others, late}, "written under the old id"
    await take(database, merge(survivor, merged, 3, undone=True))
    assert (await held(database, survivor), await held(database, merged)) == ({his, late}, {others})


async def test_a_merge_and_its_undoing_come_in_any_order_and_twice(database: Database) -> None:
    for order in itertools.permutations(range(4)):
        one, other = arrival(A), arrival(A)
        await take(database, one, other)
        survivor, merged = one.pupil_id, other.pupil_id
        record = await write(database, merged)
        done, undone = merge(survivor, merged), merge(survivor, merged, 3, undone=True)
        for position in order:
            await take(database, (done, undone, done, undone)[position])
        assert await held(database, merged) == {record}, order
        assert await held(database, survivor) == set(), order


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
async def test_a_chain_of_merges_holds_in_any_order_and_is_undone_link_by_link(
    database: Database, doubles: tuple[UUID, UUID], *, at_once: bool, backwards: bool
) -> None:
    first, second = doubles
    third = arrival(A)
    await take(database, third)
    records = {await write(database, first), await write(database, second)}
    links = [merge(second, first), merge(third.pupil_id, second)][:: -1 if backwards else 1]
    for group in [links] if at_once else [[link] for link in links]:
        await take(database, *group)
    assert await held(database, third.pupil_id) == records
    undone = [merge(second, first, 3, undone=True), merge(third.pupil_id, second, 3, undone=True)]
    await take(database, undone[0])
    assert len(await held(database, first)) == len(await held(database, third.pupil_id)) == 1
    await take(database, undone[1])
    assert len(await held(database, second)) == 1
    assert await held(database, third.pupil_id) == set()


async def test_the_records_of_whoever_goes_on_as_him_leave_with_a_learner(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    double = arrival(A)
    await take(database, double)
    records = {await write(database, double.pupil_id), await write(database, old)}
    await take(database, merge(old, double.pupil_id))
    [answer] = await take(database, request(old, new))
    assert isinstance(answer, DossierTransferred)
    assert (answer.counts, await held(database, new)) == ({"bilan": 2}, records)
    await take(database, merge(old, double.pupil_id, 3, undone=True))
    assert await held(database, new) == records, "what has left has left"


async def test_records_that_arrive_for_a_merged_learner_go_to_whom_he_goes_on_as(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    survivor: PupilEvent = arrival(A)
    record = await write(database, old)
    await take(database, survivor, merge(survivor.pupil_id, new))
    [answer] = await take(database, request(old, new))
    assert isinstance(answer, DossierTransferred)
    assert await held(database, survivor.pupil_id) == {record}


async def test_a_learner_who_goes_on_as_another_keeps_his_records_at_the_origin(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    survivor = arrival(A)
    record = await write(database, old)
    await take(database, survivor, merge(survivor.pupil_id, old))
    [answer] = await take(database, request(old, new))
    assert isinstance(answer, DossierTransferRefused)
    assert answer.reason == "merged"
    assert await held(database, survivor.pupil_id) == {record}


@pytest.mark.parametrize("side", [0, 1])
async def test_a_request_about_an_erased_learner_is_refused_and_brings_nobody_back(
    database: Database, pair: tuple[UUID, UUID], side: int
) -> None:
    record = await write(database, pair[0])
    await take(database, PupilErased(pupil_id=pair[side]))
    [answer] = await take(database, request(*pair))
    assert isinstance(answer, DossierTransferRefused)
    assert answer.reason == "erased"
    assert await held(database, pair[0]) == (set() if side == 0 else {record})
    async with database.connection() as connection:
        assert await learners.learner(connection, pair[side]) is None


async def test_an_erasure_wins_over_every_version(database: Database) -> None:
    learner = arrival(A)
    await take(database, PupilErased(pupil_id=learner.pupil_id))
    await take(database, learner, merge(learner.pupil_id, learner.pupil_id))
    async with database.connection() as connection:
        assert await learners.learner(connection, learner.pupil_id) is None
