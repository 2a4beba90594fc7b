"""Transfers by hand: the guide's situation 2, rule 8 of docs/transfer.md."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from services.transfer import acting
from services.transfer.domain import errors
from services.transfer.domain.offering import Refusal
from services.transfer.store.offers import NewOffer
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilCreated,
    PupilDeactivated,
    PupilErased,
    PupilEvent,
    PupilReactivated,
    SchoolUpdated,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai
from shared.signing import learner_created_for
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import (
    JANUARY,
    SEPTEMBER,
    A,
    B,
    C,
    arrival,
    departure,
    imported,
    keys,
    pupil,
)

NOW = JANUARY + dt.timedelta(days=7)


@pytest.fixture
async def both_on(transfer: Transfer) -> Transfer:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    return transfer


async def offer(transfer: Transfer, *pupils: UUID, to: Uai = B, uai: Uai = A) -> None:
    wanted = [NewOffer(one, 0, to, "apprenant", NOW.date(), "classeur 4") for one in pupils]
    async with transfer.database.transaction() as transaction:
        await acting.offer(transaction, uai, uuid4(), "bureau", wanted, NOW)


async def refused(transfer: Transfer, *pupils: UUID, to: Uai = B) -> dict[int, Refusal]:
    with pytest.raises(errors.RefusedOffersError) as caught:
        await offer(transfer, *pupils, to=to)
    return {place: refused.reason for place, refused in caught.value.reasons.items()}


async def accept(transfer: Transfer, transfer_id: UUID, pupil_id: UUID) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.accept_offer(transaction, B, transfer_id, "bureau B", pupil_id)


def without_ine(kind: type[PupilEvent] = PupilDeactivated, uai: Uai = A) -> PupilEvent:
    """A learner outside SIECLE."""
    return pupil(kind, uai).model_copy(update={"source": "hand"})


@pytest.fixture
async def left(both_on: Transfer) -> PupilEvent:
    """Someone without INE who has left A."""
    gone = without_ine()
    await both_on.take(gone)
    return gone


async def test_an_offer_that_is_accepted_moves_the_records(
    both_on: Transfer, left: PupilEvent
) -> None:
    here = without_ine(PupilCreated, B)
    await both_on.take(here)
    await offer(both_on, left.pupil_id)
    [row] = await both_on.transfers()
    assert (row["state"], row["destination_pupil"]) == ("offered", None)
    await accept(both_on, row["id"], here.pupil_id)
    assert await both_on.published(TransferRequested) == 1
    await both_on.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 1}))
    [row] = await both_on.transfers()
    assert (row["state"], row["destination_pupil"]) == ("closed", here.pupil_id)


async def test_a_learner_created_for_the_offer_is_accepted_before_anyone_has_told_of_him(
    both_on: Transfer, left: PupilEvent
) -> None:
    await offer(both_on, left.pupil_id)
    [row] = await both_on.transfers()
    with pytest.raises(errors.NotHereError):
        await accept(both_on, row["id"], uuid4())
    await accept(both_on, row["id"], learner_created_for(row["id"]))
    [row] = await both_on.transfers()
    assert row["state"] == "requested"
    await both_on.switch(A, active=True)
    assert await both_on.published(TransferWithdrawn) == 0


async def test_a_class_is_offered_at_once_and_all_errors_are_told_at_once(
    both_on: Transfer, left: PupilEvent
) -> None:
    others = [without_ine() for _ in range(3)]
    here = without_ine(PupilCreated)
    await both_on.take(*others, here)
    reasons = await refused(
        both_on, left.pupil_id, here.pupil_id, uuid4(), left.pupil_id, others[0].pupil_id
    )
    assert reasons == {
        1: Refusal.NOT_DEPARTED,
        2: Refusal.UNKNOWN_PUPIL,
        3: Refusal.TWICE,
    }
    assert await both_on.transfers() == []
    await offer(both_on, *(one.pupil_id for one in others))
    assert [row["state"] for row in await both_on.transfers()] == ["offered"] * 3


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (A, Refusal.SAME_SCHOOL),
        (Uai("9990004A"), Refusal.UNKNOWN_SCHOOL),
        (C, Refusal.DESTINATION_SWITCH),
    ],
)
async def test_the_destination_is_refused_with_the_reason(
    both_on: Transfer, left: PupilEvent, to: Uai, reason: Refusal
) -> None:
    await both_on.switch(C, active=False)
    assert await refused(both_on, left.pupil_id, to=to) == {0: reason}


async def test_a_closed_school_receives_nothing_and_ends_the_offers_that_wait_for_it(
    both_on: Transfer, left: PupilEvent
) -> None:
    await offer(both_on, left.pupil_id)
    closes = SchoolUpdated(uai=B, version=2, name="Lycée", open=False, successor=C)
    await both_on.take(closes)
    [row] = await both_on.transfers()
    assert (row["state"], row["refused_because"]) == ("cancelled", "closed")
    await both_on.take(closes.model_copy(update={"version": 1, "open": True}))
    assert await refused(both_on, left.pupil_id) == {0: Refusal.CLOSED_SCHOOL}


async def test_a_school_that_uses_siecle_is_refused_until_its_next_import(
    both_on: Transfer,
) -> None:
    gone = departure(A, keys(1)).model_copy(update={"since": JANUARY})
    await both_on.take(gone, imported(B, 1, SEPTEMBER))
    assert await refused(both_on, gone.pupil_id) == {0: Refusal.AUTOMATIC}
    await both_on.take(imported(B, 2, JANUARY + dt.timedelta(days=1)))
    await offer(both_on, gone.pupil_id)
    assert [row["state"] for row in await both_on.transfers()] == ["offered"]


async def test_a_school_without_siecle_or_with_old_imports_takes_whoever_has_an_ine(
    both_on: Transfer,
) -> None:
    gone = departure(A, keys(1)).model_copy(update={"since": JANUARY})
    old = imported(B, 1, SEPTEMBER).model_copy(update={"school_year": 2023})
    table = imported(C, 1, SEPTEMBER).model_copy(update={"source": "csv"})
    await both_on.take(gone, old, table)
    await offer(both_on, gone.pupil_id, to=B)
    [row] = await both_on.transfers()
    async with both_on.database.transaction() as transaction:
        await acting.withdraw_offer(transaction, A, row["id"], "bureau")
    await offer(both_on, gone.pupil_id, to=C)


async def test_the_origin_withdraws_and_the_destination_refuses_until_it_is_answered(
    both_on: Transfer, left: PupilEvent
) -> None:
    await offer(both_on, left.pupil_id)
    assert await refused(both_on, left.pupil_id) == {0: Refusal.UNDER_WAY}
    [row] = await both_on.transfers()
    async with both_on.database.transaction() as transaction:
        await acting.refuse_offer(transaction, B, row["id"], "bureau B", "not-enrolled")
    with pytest.raises(errors.WrongStateError):
        async with both_on.database.transaction() as transaction:
            await acting.withdraw_offer(transaction, A, row["id"], "bureau")
    await offer(both_on, left.pupil_id)
    assert [row["state"] for row in await both_on.transfers()] == ["refused", "offered"]


async def test_a_school_that_has_no_part_in_an_offer_cannot_touch_it(
    both_on: Transfer, left: PupilEvent
) -> None:
    await offer(both_on, left.pupil_id)
    [row] = await both_on.transfers()
    for act in (acting.withdraw_offer, acting.keep_offer):
        with pytest.raises(errors.UnknownTransferError):
            async with both_on.database.transaction() as transaction:
                await act(transaction, B, row["id"], "bureau")
    with pytest.raises(errors.UnknownTransferError):
        async with both_on.database.transaction() as transaction:
            await acting.refuse_offer(transaction, C, row["id"], "bureau", "not-enrolled")


async def test_who_is_back_or_erased_is_no_longer_offered(
    both_on: Transfer, left: PupilEvent
) -> None:
    other = without_ine()
    await both_on.take(other)
    await offer(both_on, left.pupil_id, other.pupil_id)
    back = pupil(PupilReactivated, A, pupil_id=left.pupil_id, version=2, stay=2)
    await both_on.take(back, PupilErased(pupil_id=other.pupil_id))
    assert {(row["state"], row["refused_because"]) for row in await both_on.transfers()} == {
        ("cancelled", "returned"),
        ("cancelled", "erased"),
    }


async def test_an_automatic_match_puts_the_offer_to_the_origin(both_on: Transfer) -> None:
    gone = departure(A, keys(1))
    await both_on.take(gone)
    await offer(both_on, gone.pupil_id, to=C)
    came = arrival(B, keys(1))
    await both_on.take(came, imported(B))
    [row] = await both_on.transfers()
    assert (row["state"], row["matched_pupil"]) == ("offered", came.pupil_id)
    here = without_ine(PupilCreated, C)
    await both_on.take(here)
    with pytest.raises(errors.MatchedError):
        async with both_on.database.transaction() as transaction:
            await acting.accept_offer(transaction, C, row["id"], "C", here.pupil_id)
    async with both_on.database.transaction() as transaction:
        await acting.keep_offer(transaction, A, row["id"], "bureau")
    async with both_on.database.transaction() as transaction:
        await acting.accept_offer(transaction, C, row["id"], "C", here.pupil_id)


async def test_withdrawing_an_offer_lets_the_match_go_its_way(both_on: Transfer) -> None:
    gone = departure(A, keys(1))
    await both_on.take(gone)
    await offer(both_on, gone.pupil_id, to=C)
    await both_on.take(arrival(B, keys(1)), imported(B))
    [row] = await both_on.transfers()
    async with both_on.database.transaction() as transaction:
        await acting.withdraw_offer(transaction, A, row["id"], "bureau")
    assert [(r["state"], r["destination_uai"]) for r in await both_on.transfers()] == [
        ("cancelled", C),
        ("requested", B),
    ]


@pytest.mark.parametrize("reason", [Refusal.ORIGIN_SWITCH, Refusal.DESTINATION_SWITCH])
async def test_a_switch_put_off_stops_the_acceptance_and_withdraws_what_was_accepted(
    both_on: Transfer, left: PupilEvent, reason: Refusal
) -> None:
    here = without_ine(PupilCreated, B)
    await both_on.take(here)
    await offer(both_on, left.pupil_id)
    [row] = await both_on.transfers()
    school = A if reason == Refusal.ORIGIN_SWITCH else B
    await both_on.switch(school, active=False)
    with pytest.raises(errors.RefusedOffersError) as caught:
        await accept(both_on, row["id"], here.pupil_id)
    assert caught.value.reasons[0].reason == reason
    await both_on.switch(school, active=True)
    await accept(both_on, row["id"], here.pupil_id)
    await both_on.switch(school, active=False)
    # Nothing about an INE was touched, and yet the request is taken back.
    assert await both_on.published(TransferWithdrawn) == 1
    await both_on.take(DossierTransferRefused(transfer_id=row["id"], reason="withdrawn"))
    assert [row["state"] for row in await both_on.transfers()] == ["cancelled"]


async def test_an_opposition_stops_an_offer_too(both_on: Transfer, left: PupilEvent) -> None:
    async with both_on.database.transaction() as transaction:
        await acting.oppose(transaction, A, left.pupil_id, "bureau", lifted=False)
    assert await refused(both_on, left.pupil_id) == {0: Refusal.OPPOSITION}
    async with both_on.database.transaction() as transaction:
        await acting.oppose(transaction, A, left.pupil_id, "bureau", lifted=True)
    await offer(both_on, left.pupil_id)
