"""Records of learners who are merged or erased."""

import itertools
from uuid import UUID

import pytest

from services.dossier import store
from shared.database import Database
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilErased,
    PupilEvent,
    PupilMerged,
)
from tests.integration.dossier.test_moving import database, held, pair, request, take, write
from tests.support.pupils import A, arrival

__all__ = ["database", "pair"]


@pytest.fixture
async def doubles(database: Database) -> tuple[UUID, UUID]:
    """Two learners of A who are one person."""
    one, other = arrival(A), arrival(A)
    await take(database, one, other)
    return one.pupil_id, other.pupil_id


def merge(survivor: UUID, merged: UUID, version: int = 2, *, undone: bool = False) -> PupilMerged:
    return PupilMerged(
        uai=A,
        surviving_id=survivor,
        surviving_version=version,
        merged_id=merged,
        merged_version=version,
        undone=undone,
    )


async def test_records_are_joined_and_each_gets_his_own_back(
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


async def test_a_merge_and_its_undoing_come_in_any_order_and_twice(
    database: Database, doubles: tuple[UUID, UUID]
) -> None:
    survivor, merged = doubles
    record = await write(database, merged)
    done, undone = merge(survivor, merged), merge(survivor, merged, 3, undone=True)
    for order in itertools.permutations((undone, done, done, undone)):
        await take(database, *order)
    assert await held(database, merged) == {record}


async def test_a_chain_of_merges_is_undone_link_by_link(
    database: Database, doubles: tuple[UUID, UUID]
) -> None:
    first, second = doubles
    third = arrival(A)
    await take(database, third)
    record = await write(database, first)
    await take(database, merge(second, first))
    await take(database, merge(third.pupil_id, second))
    assert await held(database, third.pupil_id) == {record}
    async with database.connection() as connection:
        assert (await store.goes_on_as(connection, [first])) == {first: third.pupil_id}
    await take(database, merge(third.pupil_id, second, 3, undone=True))
    assert await held(database, second) == {record}
    await take(database, merge(second, first, 3, undone=True))
    assert await held(database, first) == {record}


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
    assert answer.reason == "returned"
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
        assert await store.learner(connection, pair[side]) is None


async def test_an_erasure_wins_over_every_version(database: Database) -> None:
    learner = arrival(A)
    await take(database, PupilErased(pupil_id=learner.pupil_id))
    await take(database, learner, merge(learner.pupil_id, learner.pupil_id))
    async with database.connection() as connection:
        assert await store.learner(connection, learner.pupil_id) is None
