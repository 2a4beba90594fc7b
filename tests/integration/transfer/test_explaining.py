"""« Pourquoi ce dossier n'est-il pas arrivé ? » (people.md): each cause, as it becomes true."""

import datetime as dt
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from services.transfer import acting
from services.transfer.domain.explaining import Answer, Parked, for_the_school
from services.transfer.explaining import explain
from services.transfer.settings import TransferSettings
from services.transfer.store.offers import NewOffer
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilCreated,
    PupilEvent,
)
from shared.messaging.parked import park
from tests.integration.transfer.conftest import Transfer
from tests.support.pupils import JANUARY, A, B, C, arrival, departure, imported, keys, pupil

NOW = dt.datetime.now(dt.UTC)
SETTINGS = TransferSettings(database_url=SecretStr("unused"), amqp_url=SecretStr("unused"))


async def why(transfer: Transfer, pupil_id: UUID) -> Answer:
    async with transfer.database.connection() as connection:
        return await explain(connection, SETTINGS, B, pupil_id)


async def code(transfer: Transfer, came: PupilEvent) -> str:
    return str((await why(transfer, came.pupil_id)).code)


async def oppose(transfer: Transfer, one: PupilEvent, *, lifted: bool) -> None:
    async with transfer.database.transaction() as transaction:
        await acting.oppose(transaction, one.uai, one.pupil_id, "bureau", lifted=lifted)


async def test_each_cause_is_told_until_the_dossier_is_there(transfer: Transfer) -> None:
    came = arrival(B, keys(1))
    assert await code(transfer, came) == "unknown-here"
    await transfer.take(came, imported(B))
    assert await code(transfer, came) == "never-declared"
    there = pupil(PupilCreated, A, keys(1))
    await transfer.take(there)
    assert await code(transfer, came) == "still-active"
    await transfer.take(departure(A, keys(1), pupil_id=there.pupil_id))
    assert await code(transfer, came) == "origin-switch"
    await transfer.switch(A, active=True)
    answer = await why(transfer, came.pupil_id)
    assert (answer.code, answer.who, answer.others) == ("destination-switch", "destination", (A,))
    assert "activer le transfert" in answer.text
    await oppose(transfer, there, lifted=False)
    assert await code(transfer, came) == "opposition"
    await transfer.switch(B, active=True)
    await oppose(transfer, there, lifted=True)
    assert await code(transfer, came) == "on-its-way"
    [row] = await transfer.transfers()
    await transfer.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 2}))
    moved = await why(transfer, came.pupil_id)
    assert (moved.code, moved.others) == ("moved", (A,))
    assert moved.since is not None


async def test_how_often_dossier_was_asked_is_told(transfer: Transfer) -> None:
    came = arrival(B, keys(1))
    for uai in (A, B):
        await transfer.switch(uai, active=True)
    await transfer.take(departure(A, keys(1)), came, imported(B))
    async with transfer.database.connection() as connection:
        await connection.execute("UPDATE transfer SET asked = 3")
    answer = await why(transfer, came.pupil_id)
    assert (answer.code, answer.asked) == ("on-its-way", 3)


async def test_doubt_is_told(transfer: Transfer) -> None:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    came = arrival(B, keys(1, born=2))
    await transfer.take(departure(A, keys(1)), came, imported(B))
    assert await code(transfer, came) == "birth-differs"
    await transfer.take(arrival(C, keys(1)), imported(C))
    assert await code(transfer, came) == "several-arrivals"


async def test_a_list_older_than_the_departure_is_told(transfer: Transfer) -> None:
    came = arrival(B, keys(1))
    await transfer.take(departure(A, keys(1)), came)
    assert await code(transfer, came) == "destination-import"


@pytest.mark.parametrize(
    ("outcome", "told"), [({}, "nothing-to-move"), ("returned", "went-back")], ids=["none", "back"]
)
async def test_why_nothing_came_is_told(transfer: Transfer, outcome: object, told: str) -> None:
    for uai in (A, B):
        await transfer.switch(uai, active=True)
    came = arrival(B, keys(1))
    await transfer.take(departure(A, keys(1)), came, imported(B))
    [row] = await transfer.transfers()
    answer = (
        DossierTransferRefused(transfer_id=row["id"], reason="returned")
        if outcome == "returned"
        else DossierTransferred(transfer_id=row["id"], counts={})
    )
    await transfer.take(answer)
    assert await code(transfer, came) == told


async def test_who_can_not_follow_alone_is_told(transfer: Transfer) -> None:
    no_ine, by_hand = pupil(PupilCreated, B), pupil(PupilCreated, B, keys(2))
    by_hand = by_hand.model_copy(update={"source": "hand"})
    gone = departure(B, keys(3))
    await transfer.take(no_ine, by_hand, gone)
    assert await code(transfer, no_ine) == "no-ine"
    assert await code(transfer, by_hand) == "not-from-siecle"
    assert await code(transfer, gone) == "not-here-any-more"


async def test_an_offer_that_waits_is_told(transfer: Transfer) -> None:
    for uai in (A, B):
        await transfer.switch(uai, active=True)
    gone = departure(A, keys(1)).model_copy(update={"source": "hand"})
    came = pupil(PupilCreated, B, keys(1)).model_copy(update={"source": "hand"})
    await transfer.take(gone, came)
    wanted = [NewOffer(gone.pupil_id, 0, B, "both", JANUARY.date(), "classeur 4")]
    async with transfer.database.transaction() as transaction:
        await acting.offer(transaction, A, uuid4(), "bureau", wanted, JANUARY)
    assert await code(transfer, came) == "offered"


async def test_a_school_that_has_no_part_is_named_to_administrators_only(
    transfer: Transfer,
) -> None:
    for uai in (A, C):
        await transfer.switch(uai, active=True)
    left, elsewhere = departure(A, keys(1)), arrival(C, keys(1))
    await transfer.take(left, elsewhere, imported(C))
    [row] = await transfer.transfers()
    await transfer.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 1}))
    came = arrival(B, keys(1))
    await transfer.take(came, imported(B))
    answer = await why(transfer, came.pupil_id)
    assert (answer.code, answer.others) == ("moved-elsewhere", (C,))
    assert for_the_school(answer).others == ()


async def test_what_waits_for_a_person_is_told_with_its_number(transfer: Transfer) -> None:
    came, event_id = arrival(B, keys(1)), uuid4()
    async with transfer.database.connection() as connection:
        envelope = f'{{"subject": "{came.pupil_id}", "data": {{"uai": "{B}"}}}}'
        await park(connection, event_id, envelope, "KeyError")
        await connection.execute("UPDATE parked SET attempts = 12, next_try = NULL")
    for _ in ("not heard of", "heard of"):
        answer = await why(transfer, came.pupil_id)
        assert answer.code == "parked"
        assert answer.parked == (Parked(event_id, "transfer", 12, "KeyError", True),)
        await transfer.take(came)


async def test_nothing_is_told_of_what_waits_about_a_learner_of_another_school(
    transfer: Transfer,
) -> None:
    elsewhere = arrival(A, keys(1))
    async with transfer.database.connection() as connection:
        envelope = f'{{"subject": "{elsewhere.pupil_id}", "data": {{"uai": "{A}"}}}}'
        await park(connection, uuid4(), envelope, "KeyError")
    for _ in ("not heard of", "heard of"):
        assert await why(transfer, elsewhere.pupil_id) == await why(transfer, uuid4())
        await transfer.take(elsewhere)
