"""Reviews, oppositions, reversals: what people decide (docs/transfer.md, rules 2, 6, 7)."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from services.transfer import acting
from services.transfer.domain import errors
from services.transfer.reconcile import reconcile
from services.transfer.store import lists
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilDeactivated,
    PupilEvent,
    PupilMerged,
    PupilUpdated,
    TransferClosed,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import A, B, C, arrival, departure, imported, keys, pupil

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
async def both_on(transfer: Transfer) -> Transfer:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    return transfer


async def states(transfer: Transfer) -> list[str]:
    return [row["state"] for row in await transfer.transfers()]


async def judge(
    transfer: Transfer,
    uai: Uai,
    left: PupilEvent,
    came: PupilEvent,
    *,
    same: bool,
    administrator: bool = False,
) -> None:
    async with transfer.database.transaction() as transaction:
        pair = left.pupil_id, came.pupil_id
        await acting.judge(transaction, uai, pair, "bureau", same=same, administrator=administrator)


async def oppose(transfer: Transfer, one: PupilEvent, *, lifted: bool = False) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.oppose(transaction, one.uai, one.pupil_id, "bureau", lifted=lifted)


async def reverse(
    transfer: Transfer, transfer_id: UUID, *, uai: Uai = B, now: dt.datetime = NOW
) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.reverse(transaction, uai, transfer_id, "bureau", "other-person", now)


async def doubt(transfer: Transfer) -> tuple[PupilEvent, PupilEvent]:
    """Someone who left A, and the same INE with another birth date in B."""
    left, came = departure(A, keys(1)), arrival(B, keys(1, born=2))
    await transfer.take(left, came, imported(B))
    assert await states(transfer) == []
    return left, came


@pytest.mark.parametrize("administrator", [False, True])
async def test_rule_7_the_same_person_is_proposed_by_b_and_confirmed_by_a_or_an_administrator(
    both_on: Transfer, administrator: bool
) -> None:
    left, came = await doubt(both_on)
    await judge(both_on, B, left, came, same=True)
    assert await states(both_on) == [], "a proposal"
    await judge(both_on, A, left, came, same=True, administrator=administrator)
    assert await states(both_on) == ["requested"]


async def test_rule_7_not_the_same_person_by_either_is_enough_and_can_be_mended(
    both_on: Transfer,
) -> None:
    left, came = await doubt(both_on)
    await judge(both_on, B, left, came, same=True)
    await judge(both_on, A, left, came, same=False)
    assert await states(both_on) == []
    await judge(both_on, A, left, came, same=True)
    assert await states(both_on) == ["requested"]


async def test_rule_7_with_several_candidates_the_decision_names_the_destination(
    both_on: Transfer,
) -> None:
    left, in_b, in_c = departure(A, keys(1)), arrival(B, keys(1)), arrival(C, keys(1))
    await both_on.take(left, in_b, in_c, imported(B), imported(C))
    assert await states(both_on) == []
    await judge(both_on, C, left, in_c, same=True)
    await judge(both_on, A, left, in_c, same=True)
    [row] = await both_on.transfers()
    assert row["destination_uai"] == C


async def test_rule_7_setting_one_candidate_aside_leaves_the_other(both_on: Transfer) -> None:
    left, in_b, in_c = departure(A, keys(1)), arrival(B, keys(1)), arrival(C, keys(1))
    await both_on.take(left, in_b, in_c, imported(B), imported(C))
    await judge(both_on, C, left, in_c, same=False)
    [row] = await both_on.transfers()
    assert row["destination_uai"] == B


async def test_rule_7_a_decision_reopens_when_the_comparison_changes(both_on: Transfer) -> None:
    left, came = await doubt(both_on)
    await judge(both_on, A, left, came, same=False)
    corrected = pupil(PupilUpdated, B, keys(1), pupil_id=came.pupil_id, version=2)
    await both_on.take(corrected.model_copy(update={"activated": came.activated}))
    assert await states(both_on) == ["requested"], "the birth date is now the same"


async def test_rule_7_a_school_without_part_has_no_opinion(both_on: Transfer) -> None:
    left, came = await doubt(both_on)
    with pytest.raises(errors.UnknownPairError):
        await judge(both_on, C, left, came, same=True)


@pytest.mark.parametrize("side", [0, 1])
async def test_rule_2_an_opposition_withdraws_and_lifting_it_opens_anew(
    both_on: Transfer, side: int
) -> None:
    pair = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(*pair, imported(B))
    await oppose(both_on, pair[side])
    assert await both_on.published(TransferWithdrawn) == 1
    [row] = await both_on.transfers()
    await both_on.take(DossierTransferRefused(transfer_id=row["id"], reason="withdrawn"))
    assert await states(both_on) == ["cancelled"]
    await oppose(both_on, pair[side], lifted=True)
    assert await states(both_on) == ["cancelled", "requested"]


async def test_an_opposition_holds_for_whom_the_learner_goes_on_as(both_on: Transfer) -> None:
    double, survivor = departure(A, keys(2)), departure(A, keys(1))
    await both_on.take(double, survivor)
    await oppose(both_on, double)
    await both_on.take(
        PupilMerged(
            uai=A,
            surviving_id=survivor.pupil_id,
            surviving_version=3,
            merged_id=double.pupil_id,
            merged_version=3,
        )
    )
    await both_on.take(arrival(B, keys(1)), imported(B))
    assert await states(both_on) == []


async def closed(transfer: Transfer) -> tuple[UUID, PupilEvent, PupilEvent]:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await transfer.take(left, came, imported(B))
    [row] = await transfer.transfers()
    await transfer.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 2}))
    return row["id"], left, came


async def test_rule_6_a_reversal_sends_the_records_back_and_holds_the_pair(
    both_on: Transfer,
) -> None:
    moved, _, _ = await closed(both_on)
    await reverse(both_on, moved)
    assert await states(both_on) == ["closed", "requested"]
    back = (await both_on.transfers())[1]
    assert (back["origin_uai"], back["destination_uai"], back["reverses"]) == (B, A, moved)
    with pytest.raises(errors.BusyError):
        await reverse(both_on, moved)
    left_behind = uuid4()
    await both_on.take(
        DossierTransferred(transfer_id=back["id"], counts={"bilan": 1}, left=(left_behind,))
    )
    assert await states(both_on) == ["reversed", "closed"]
    assert (await both_on.transfers())[1]["left_behind"] == [left_behind]
    assert await both_on.published(TransferClosed) == 2
    assert await reconcile(both_on.database) == 0, "nothing moves between the two any more"
    async with both_on.database.transaction() as transaction:
        await acting.lift_hold(transaction, A, moved, "bureau")
    assert await states(both_on) == ["reversed", "closed", "requested"]


async def test_rule_6_a_late_addition_told_beside_the_reversal_does_not_hide_it(
    both_on: Transfer,
) -> None:
    moved, _, _ = await closed(both_on)
    await reverse(both_on, moved)
    back = (await both_on.transfers())[1]
    await both_on.take(
        DossierTransferred(transfer_id=moved, counts={"bilan": 3}, part=1),
        DossierTransferred(transfer_id=back["id"], counts={"bilan": 3}),
    )
    assert await states(both_on) == ["reversed", "closed"]
    original, _ = await both_on.transfers()
    assert (original["counts"], original["part"]) == ({"bilan": 3}, 1)


async def test_rule_6_after_a_reversal_the_records_go_to_whoever_it_is(both_on: Transfer) -> None:
    moved, _, _ = await closed(both_on)
    await reverse(both_on, moved)
    back = (await both_on.transfers())[1]
    await both_on.take(DossierTransferred(transfer_id=back["id"], counts={"bilan": 2}))
    await both_on.take(arrival(C, keys(1)), imported(C))
    [*_, row] = await both_on.transfers()
    assert (row["state"], row["destination_uai"]) == ("requested", C)


async def test_rule_6_a_reversal_that_dossier_refuses_leaves_the_transfer_closed(
    both_on: Transfer,
) -> None:
    moved, _, _ = await closed(both_on)
    await reverse(both_on, moved)
    back = (await both_on.transfers())[1]
    await both_on.take(DossierTransferRefused(transfer_id=back["id"], reason="moved-on"))
    assert await states(both_on) == ["closed", "cancelled"]


async def test_rule_6_within_30_days_by_the_receiving_school_and_the_last_move_only(
    both_on: Transfer,
) -> None:
    moved, _, came = await closed(both_on)
    with pytest.raises(errors.UnknownTransferError):
        await reverse(both_on, moved, uai=A)
    with pytest.raises(errors.TooLateError):
        await reverse(both_on, moved, now=NOW + dt.timedelta(days=31))
    left_b = pupil(PupilDeactivated, B, keys(1), pupil_id=came.pupil_id, version=2)
    later = arrival(C, keys(1)).model_copy(update={"activated": NOW})
    await both_on.take(left_b, later, imported(C, 1, NOW))
    assert await states(both_on) == ["closed", "requested"]
    with pytest.raises(errors.MovedOnError):
        await reverse(both_on, moved)


async def test_rule_6_the_origin_asks_for_a_return(both_on: Transfer) -> None:
    moved, _, _ = await closed(both_on)
    async with both_on.database.transaction() as transaction:
        await acting.ask_return(transaction, A, moved, "bureau", "wrong-school", NOW)
    [row] = await both_on.transfers()
    assert row["return_because"] == "wrong-school"
    async with both_on.database.transaction() as transaction:
        await acting.decline_return(transaction, B, moved, "bureau B")
    [row] = await both_on.transfers()
    assert row["return_because"] is None


async def test_rule_5_parts_change_counts_only_in_any_order(both_on: Transfer) -> None:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(left, came, imported(B))
    [row] = await both_on.transfers()
    parts = [
        DossierTransferred(transfer_id=row["id"], counts={"bilan": n + 1}, part=n) for n in range(3)
    ]
    for part in (parts[1], parts[0], parts[2], parts[1]):
        await both_on.take(part)
    [row] = await both_on.transfers()
    assert (row["state"], row["counts"]) == ("closed", {"bilan": 3})
    assert await both_on.published(TransferClosed) == 1


async def test_rule_7_a_closed_transfer_whose_match_no_longer_holds_is_listed_not_undone(
    both_on: Transfer,
) -> None:
    moved, _, came = await closed(both_on)
    corrected = pupil(PupilUpdated, B, keys(1, born=2), pupil_id=came.pupil_id, version=2)
    await both_on.take(corrected)
    assert await states(both_on) == ["closed"]
    async with both_on.database.connection() as connection:
        assert [row["id"] for row in await lists.doubtful(connection, A)] == [moved]


async def test_rule_12_nothing_is_opened_while_keys_of_two_versions_are_present(
    both_on: Transfer,
) -> None:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    newer = arrival(C, keys(9)).model_copy(update={"key_version": 2})
    await both_on.take(newer)
    await both_on.take(left, came, imported(B))
    assert await states(both_on) == []
    renewed = [
        event.model_copy(update={"key_version": 2, "version": event.version + 1})
        for event in (left, came)
    ]
    await both_on.take(renewed[0])
    assert await states(both_on) == []
    await both_on.take(renewed[1])
    assert await both_on.published(TransferRequested) == 1
