"""Learners who are no longer: erased, merged, or created by an import that was undone."""

import itertools
from uuid import UUID, uuid4

import pytest

from services.transfer.reconcile import reconcile
from shared.events import (
    UNDONE,
    DossierTransferRefused,
    PupilDeactivated,
    PupilErased,
    PupilEvent,
    PupilMerged,
    PupilUpdated,
    TransferWithdrawn,
)
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import A, B, C, arrival, departure, imported, keys, pupil


@pytest.fixture
async def both_on(transfer: Transfer) -> Transfer:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    return transfer


def merged(surviving: UUID, other: PupilEvent, *, undone: bool = False) -> PupilMerged:
    return PupilMerged(
        uai=other.uai,
        surviving_id=surviving,
        surviving_version=2,
        merged_id=other.pupil_id,
        merged_version=other.version + 1,
        undone=undone,
    )


async def known(transfer: Transfer) -> set[UUID]:
    async with transfer.database.connection() as connection:
        return {row["pupil_id"] for row in await connection.fetch("SELECT pupil_id FROM presence")}


async def test_an_erased_learner_is_forgotten_whatever_comes_late(both_on: Transfer) -> None:
    for order in itertools.permutations(range(3)):
        came = arrival(B, keys(1))
        for position in order:
            await both_on.take((came, imported(B), PupilErased(pupil_id=came.pupil_id))[position])
        assert await known(both_on) == set(), order
        async with both_on.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM match_key") == 0
    await both_on.take(departure(A, keys(1)))
    assert await both_on.transfers() == []


@pytest.mark.parametrize("side", [0, 1])
async def test_the_erasure_of_either_takes_back_a_request(both_on: Transfer, side: int) -> None:
    pair = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(*pair, imported(B))
    [request] = await both_on.transfers()
    await both_on.take(PupilErased(pupil_id=pair[side].pupil_id))
    assert await both_on.published(TransferWithdrawn) == 1
    await both_on.take(DossierTransferRefused(transfer_id=request["id"], reason="erased"))
    assert [row["state"] for row in await both_on.transfers()] == ["cancelled"]
    assert await reconcile(both_on.database) == 0


async def test_records_go_to_whom_a_learner_goes_on_as(both_on: Transfer) -> None:
    left, double, survivor = (
        departure(A, keys(1)),
        arrival(B, keys(1)),
        arrival(B, keys(1, named=2)),
    )
    await both_on.take(left, double, survivor, imported(B))
    assert await both_on.transfers() == [], "two could be meant"
    await both_on.take(merged(survivor.pupil_id, double))
    [request] = await both_on.transfers()
    assert request["destination_pupil"] == survivor.pupil_id


async def test_a_merge_before_the_learner_is_known_keeps_him_out_until_it_is_undone(
    both_on: Transfer,
) -> None:
    double = arrival(B, keys(1))
    merge = merged(uuid4(), double)
    await both_on.take(merge)
    await both_on.take(double, imported(B))
    assert await known(both_on) == set()
    back = pupil(PupilUpdated, B, keys(1), pupil_id=double.pupil_id, version=3)
    for event in (back, merged(merge.surviving_id, double, undone=True), merge):
        await both_on.take(event)
        assert await known(both_on) == {double.pupil_id}


async def test_rule_13_a_learner_whom_only_an_undone_import_had_created_has_not_departed(
    both_on: Transfer,
) -> None:
    """B undoes the import that created him: the request of A is withdrawn, and C gets nothing."""
    left, mistaken = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(left, mistaken, imported(B))
    [request] = await both_on.transfers()
    undone = pupil(PupilDeactivated, B, keys(1), pupil_id=mistaken.pupil_id, version=2)
    await both_on.take(undone.model_copy(update={"reason": UNDONE}))
    assert await both_on.published(TransferWithdrawn) == 1
    await both_on.take(DossierTransferRefused(transfer_id=request["id"], reason="withdrawn"))
    await both_on.take(arrival(C, keys(1)), imported(C))
    opened = [row for row in await both_on.transfers() if row["state"] == "requested"]
    assert [(row["origin_pupil"], row["destination_uai"]) for row in opened] == [(left.pupil_id, C)]
