"""What was decided once holds: over merges, undone imports, closings and rotations of keys."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from services.transfer import acting
from services.transfer.domain import errors
from services.transfer.domain.offering import Refusal
from services.transfer.reconcile import reconcile
from services.transfer.store import lists, people
from services.transfer.store.offers import NewOffer
from shared.events import (
    UNDONE,
    DossierTransferred,
    DossierTransferRefused,
    PupilCreated,
    PupilDeactivated,
    PupilErased,
    PupilEvent,
    PupilMerged,
    PupilUpdated,
    SchoolUpdated,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import JANUARY, A, B, C, arrival, departure, imported, keys, pupil

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
async def both_on(transfer: Transfer) -> Transfer:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    return transfer


async def states(transfer: Transfer) -> list[str]:
    return [row["state"] for row in await transfer.transfers()]


async def closed(transfer: Transfer) -> tuple[UUID, PupilEvent, PupilEvent]:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await transfer.take(left, came, imported(B))
    [row] = await transfer.transfers()
    await transfer.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 2}))
    return row["id"], left, came


async def reverse(transfer: Transfer, transfer_id: UUID) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.reverse(transaction, B, transfer_id, "bureau", "other-person", NOW)
    back = (await transfer.transfers())[-1]
    await transfer.take(DossierTransferred(transfer_id=back["id"], counts={"bilan": 2}))


def merge(double: PupilEvent, survivor: PupilEvent, version: int = 9) -> PupilMerged:
    return PupilMerged(
        uai=double.uai,
        surviving_id=survivor.pupil_id,
        surviving_version=version,
        merged_id=double.pupil_id,
        merged_version=version,
    )


async def offer(transfer: Transfer, gone: PupilEvent, to: Uai = B) -> UUID:
    wanted = [NewOffer(gone.pupil_id, 0, to, "both", JANUARY.date(), "classeur 4")]
    async with transfer.database.transaction() as transaction:
        await acting.offer(transaction, gone.uai, uuid4(), "bureau", wanted, JANUARY)
    made: UUID = (await transfer.transfers())[-1]["id"]
    return made


async def accept(transfer: Transfer, transfer_id: UUID, pupil_id: UUID) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.accept_offer(transaction, B, transfer_id, "bureau B", pupil_id)


async def oppose(transfer: Transfer, one: PupilEvent, *, lifted: bool = False) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.oppose(transaction, one.uai, one.pupil_id, "bureau", lifted=lifted)


def outside(kind: type[PupilEvent], uai: Uai) -> PupilEvent:
    return pupil(kind, uai).model_copy(update={"source": "hand"})


@pytest.mark.parametrize("merged_first", [False, True])
async def test_rule_15_a_merge_does_not_lift_what_a_reversal_holds(
    both_on: Transfer, merged_first: bool
) -> None:
    moved, _, came = await closed(both_on)
    survivor = arrival(B, keys(1))
    if not merged_first:
        await reverse(both_on, moved)
    await both_on.take(survivor, merge(came, survivor))
    if merged_first:
        await reverse(both_on, moved)
    assert await reconcile(both_on.database) == 0
    assert await states(both_on) == ["reversed", "closed"], "nothing moves to the other card"


async def test_rule_15_an_opposition_is_seen_and_lifted_at_whom_the_learner_goes_on_as(
    both_on: Transfer,
) -> None:
    double, survivor = departure(A, keys(1)), departure(A, keys(1))
    await both_on.take(double)
    await oppose(both_on, double)
    await both_on.take(survivor, merge(double, survivor), arrival(B, keys(1)), imported(B))
    assert await states(both_on) == []
    async with both_on.database.connection() as connection:
        cards = await people.cards_of(connection, survivor.pupil_id)
        assert await people.opposed_since(connection, cards) is not None
    await oppose(both_on, survivor, lifted=True)
    assert await states(both_on) == ["requested"]


async def test_rule_15_an_opinion_holds_for_whom_the_learner_goes_on_as_until_a_newer_one(
    both_on: Transfer,
) -> None:
    left, came, survivor = departure(A, keys(1)), arrival(B, keys(1)), arrival(B, keys(1))
    await both_on.take(left, came)

    async def judge(one: PupilEvent, *, same: bool) -> None:
        async with both_on.database.transaction() as transaction:
            pair = left.pupil_id, one.pupil_id
            await acting.judge(transaction, B, pair, "b", same=same, administrator=False)

    await judge(came, same=False)
    await both_on.take(survivor, merge(came, survivor), imported(B))
    assert await states(both_on) == [], "not the same person, whichever card"
    await judge(survivor, same=True)
    assert await states(both_on) == ["requested"]


async def test_rule_13_records_that_reach_a_learner_whose_import_is_undone_can_go_on(
    both_on: Transfer,
) -> None:
    moved, _, came = await closed(both_on)
    undone = pupil(PupilDeactivated, B, keys(1), pupil_id=came.pupil_id, version=2)
    await both_on.take(undone.model_copy(update={"reason": UNDONE}))
    async with both_on.database.connection() as connection:
        [line] = await lists.departed(connection, B, None, 50)
        assert line["pupil_id"] == came.pupil_id, "he can be offered"
        held = await lists.under_way(connection, [came.pupil_id])
        assert held == [came.pupil_id], "nobody erases him before the pupil base has heard of it"
    later = JANUARY + dt.timedelta(days=5)
    there = pupil(PupilCreated, C, keys(1), activated=later)
    await both_on.take(there, imported(C, 1, later))
    assert await states(both_on) == ["closed", "requested"]
    onward = (await both_on.transfers())[1]
    assert (onward["origin_pupil"], onward["destination_uai"]) == (came.pupil_id, C)
    assert moved != onward["id"]


async def test_rule_13_an_undone_import_withdraws_what_was_accepted_for_its_learners(
    both_on: Transfer,
) -> None:
    gone, came = outside(PupilDeactivated, A), outside(PupilCreated, B)
    await both_on.take(gone, came)
    made = await offer(both_on, gone)
    await accept(both_on, made, came.pupil_id)
    inactive = came.model_copy(update={"active": False, "version": 2, "reason": UNDONE})
    await both_on.take(PupilDeactivated(**inactive.model_dump()))
    assert await both_on.published(TransferWithdrawn) == 1
    [row] = await both_on.transfers()
    assert row["withdrawn_at"] is not None


async def test_rule_8_an_opposition_of_the_receiving_side_and_a_hold_stop_an_offer_too(
    both_on: Transfer,
) -> None:
    moved, left, came = await closed(both_on)
    await reverse(both_on, moved)
    by_hand = left.model_copy(update={"source": "hand", "version": 3})
    await both_on.take(PupilDeactivated(**by_hand.model_dump()))
    made = await offer(both_on, left)
    with pytest.raises(errors.RefusedOffersError) as caught:
        await accept(both_on, made, came.pupil_id)
    assert caught.value.reasons[0].reason == Refusal.HELD
    other = outside(PupilCreated, B)
    await both_on.take(other)
    await oppose(both_on, other)
    with pytest.raises(errors.RefusedOffersError) as caught:
        await accept(both_on, made, other.pupil_id)
    assert caught.value.reasons[0].reason == Refusal.OPPOSITION
    await oppose(both_on, other, lifted=True)
    await accept(both_on, made, other.pupil_id)
    await oppose(both_on, other)
    assert await both_on.published(TransferWithdrawn) == 1


async def test_rule_9_the_closing_of_the_school_that_was_offered_to_decides_anew(
    both_on: Transfer,
) -> None:
    left = departure(A, keys(1))
    await both_on.take(left)
    await offer(both_on, left, C)
    await both_on.take(arrival(B, keys(1)), imported(B))
    assert await states(both_on) == ["offered"]
    await both_on.take(SchoolUpdated(uai=C, version=1, name="Lycée C", open=False))
    assert await states(both_on) == ["cancelled", "requested"]


async def test_rule_12_a_rotation_keeps_what_was_found_and_takes_back_what_no_longer_holds(
    both_on: Transfer,
) -> None:
    left, offered = departure(A, keys(1)), departure(A, keys(2))
    came = arrival(B, keys(2))
    await both_on.take(left, offered, arrival(B, keys(1)))
    await offer(both_on, offered, C)
    await both_on.take(came, imported(B))
    [first, second] = await both_on.transfers()
    assert (first["matched_pupil"], second["state"]) == (came.pupil_id, "requested")
    newer = departure(A, keys(9)).model_copy(update={"key_version": 2})
    again = PupilUpdated(**came.model_copy(update={"version": 2}).model_dump())
    await both_on.take(newer, again)
    assert (await both_on.transfers())[0]["matched_pupil"] == came.pupil_id
    await both_on.switch(B, active=False)
    assert await both_on.published(TransferWithdrawn) == 1, "a switch needs no keys"


async def test_rule_12_a_learner_set_aside_is_not_taken_for_one_without_ine(
    both_on: Transfer,
) -> None:
    left, alone = departure(A, keys(1)), departure(A)
    await both_on.take(left, alone)
    newer = departure(B, keys(9)).model_copy(update={"key_version": 2})
    await both_on.take(newer)
    async with both_on.database.connection() as connection:
        await connection.execute("UPDATE presence SET changed_at = changed_at - interval '2 hours'")
    await reconcile(both_on.database)
    async with both_on.database.connection() as connection:
        lines = {row["pupil_id"]: row for row in await lists.departed(connection, A, None, 50)}
    assert (lines[left.pupil_id]["has_ine"], lines[left.pupil_id]["set_aside"]) == (True, True)
    assert (lines[alone.pupil_id]["has_ine"], lines[alone.pupil_id]["set_aside"]) == (False, False)


@pytest.mark.parametrize("reason", ["erased", "merged"])
async def test_a_pair_that_dossier_refuses_is_not_asked_for_again_until_something_changes(
    both_on: Transfer, reason: str
) -> None:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(left, came, imported(B))
    [row] = await both_on.transfers()
    refused = DossierTransferRefused.model_validate({"transfer_id": row["id"], "reason": reason})
    await both_on.take(refused)
    await reconcile(both_on.database)
    assert await both_on.published(TransferRequested) == 1
    again = PupilUpdated(**came.model_copy(update={"version": 2}).model_dump())
    await both_on.take(again)
    assert await both_on.published(TransferRequested) == 2


async def test_a_merge_and_an_erasure_say_why_an_offer_is_over(both_on: Transfer) -> None:
    one, two = outside(PupilDeactivated, A), outside(PupilDeactivated, A)
    survivor = outside(PupilDeactivated, A)
    await both_on.take(one, two, survivor)
    for gone in (one, two):
        await offer(both_on, gone)
    await both_on.take(merge(one, survivor), PupilErased(pupil_id=two.pupil_id))
    reasons = [row["refused_because"] for row in await both_on.transfers()]
    assert reasons == ["merged", "erased"]


async def test_rule_6_records_that_went_on_from_whom_he_goes_on_as_are_not_reversed(
    both_on: Transfer,
) -> None:
    moved, _, came = await closed(both_on)
    survivor = arrival(B, keys(1))
    await both_on.take(survivor, merge(came, survivor))
    left = pupil(PupilDeactivated, B, keys(1), pupil_id=survivor.pupil_id, version=10)
    later = JANUARY + dt.timedelta(days=5)
    await both_on.take(
        left, pupil(PupilCreated, C, keys(1), activated=later), imported(C, 1, later)
    )
    assert await states(both_on) == ["closed", "requested"]
    async with both_on.database.transaction() as transaction:
        with pytest.raises(errors.MovedOnError):
            await acting.reverse(transaction, B, moved, "bureau", "wrong-school", NOW)
