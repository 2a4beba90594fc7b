"""A rotation of the match keys (rule 12 of docs/transfer.md), the trail, and the reminders."""

import datetime as dt
from uuid import uuid4

from services.transfer import acting
from services.transfer.reconcile import KEYS_LATE, REMINDER, reconcile, remind
from services.transfer.retention import TRAIL, forget
from services.transfer.store import changes
from services.transfer.store.offers import NewOffer
from shared.events import (
    DossierTransferred,
    PupilDeactivated,
    PupilErased,
    PupilEvent,
    TransferOffered,
)
from tests.integration.transfer.conftest import Transfer
from tests.support.databases import let_histories_go
from tests.support.pupils import JANUARY, A, B, C, arrival, departure, imported, keys, pupil

NOW = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


def renewed(event: PupilEvent, ine: int) -> PupilEvent:
    """The same learner, told anew under keys of version 2."""
    update = {"version": event.version + 1, "key_version": 2, "keys": (keys(ine),)}
    return event.model_copy(update=update)


async def age(transfer: Transfer, by: dt.timedelta) -> None:
    """Let time pass: what is held becomes so much older."""
    async with transfer.database.connection() as connection:
        await connection.execute("UPDATE presence SET changed_at = changed_at - $1::interval", by)


async def test_rule_12_who_is_late_is_set_aside_and_holds_nobody_up(transfer: Transfer) -> None:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    left, late = departure(A, keys(1)), departure(C, keys(5))
    await transfer.take(left, late, imported(B))
    came = arrival(B, keys(101))
    await transfer.take(renewed(left, 101), renewed(came, 101))
    assert await reconcile(transfer.database) == 0, "keys of two versions are present"
    await age(transfer, KEYS_LATE)
    assert await reconcile(transfer.database) == 1, "one late school does not hold up the others"
    [row] = await transfer.transfers()
    assert (row["origin_pupil"], row["destination_pupil"]) == (left.pupil_id, came.pupil_id)
    async with transfer.database.connection() as connection:
        assert await changes.without_keys(connection) == 1
        assert await connection.fetchval("SELECT count(*) FROM match_key") == 2
    assert await reconcile(transfer.database) == 0
    await transfer.take(renewed(late, 105), renewed(arrival(B, keys(105)), 105))
    assert len(await transfer.transfers()) == 2, "told anew, he is matched like any other"
    async with transfer.database.connection() as connection:
        assert await changes.without_keys(connection) == 0


async def test_rule_12_nobody_is_set_aside_while_new_keys_still_come(transfer: Transfer) -> None:
    left = departure(A, keys(1))
    await transfer.take(left, departure(C, keys(5)))
    await age(transfer, KEYS_LATE)
    await transfer.take(renewed(left, 101))
    await reconcile(transfer.database)
    async with transfer.database.connection() as connection:
        assert await changes.without_keys(connection) == 0


async def test_rule_12_when_a_rotation_ends_the_reconcile_decides_once_over_everything(
    transfer: Transfer,
) -> None:
    for uai in (A, B):
        await transfer.switch(uai, active=True)
    left, other = departure(A, keys(1)), departure(A, keys(2))
    await transfer.take(left, other, imported(B))
    await transfer.take(renewed(left, 101), renewed(arrival(B, keys(101)), 101))
    assert await reconcile(transfer.database) == 0
    async with transfer.database.connection() as connection:  # the last one comes unheard
        await connection.execute("UPDATE presence SET key_version = 2")
    assert await reconcile(transfer.database) == 1


async def test_rule_8_a_class_offered_at_once_is_one_event_and_is_told_again_after_a_week(
    transfer: Transfer,
) -> None:
    for uai in (A, B, C):
        await transfer.switch(uai, active=True)
    gone = [pupil(PupilDeactivated, A).model_copy(update={"source": "hand"}) for _ in range(3)]
    await transfer.take(*gone)
    wanted = [
        NewOffer(one.pupil_id, 0, to, "both", JANUARY.date(), "classeur 4")
        for one, to in zip(gone, (B, B, C), strict=True)
    ]
    async with transfer.database.transaction() as transaction:
        await acting.offer(transaction, A, uuid4(), "bureau", wanted, JANUARY)
    assert await transfer.published(TransferOffered) == 2, "one a receiving school"
    assert await remind(transfer.database) == 0
    async with transfer.database.connection() as connection:
        await connection.execute(
            "UPDATE transfer SET requested_at = requested_at - $1::interval", REMINDER
        )
    assert await remind(transfer.database) == 3
    assert await transfer.published(TransferOffered) == 4
    assert await remind(transfer.database) == 0, "once only"


async def test_what_is_told_of_an_erased_learner_is_forgotten_and_the_trail_after_three_years(
    transfer: Transfer,
) -> None:
    for uai in (A, B):
        await transfer.switch(uai, active=True)
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await transfer.take(left, came, imported(B))
    [row] = await transfer.transfers()
    await transfer.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 1}))
    async with transfer.database.transaction() as transaction:
        await acting.oppose(transaction, A, left.pupil_id, "bureau", lifted=False)
    await transfer.take(PupilErased(pupil_id=left.pupil_id))
    async with transfer.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM opposition") == 0
        assert await connection.fetchval("SELECT count(*) FROM match_key") == 1
    await let_histories_go(transfer.database)
    await forget(transfer.database, NOW + TRAIL)
    assert len(await transfer.transfers()) == 1, "the other school's learner is still there"
    await transfer.take(PupilErased(pupil_id=came.pupil_id))
    await forget(transfer.database, NOW)
    assert len(await transfer.transfers()) == 1, "three years are not over"
    await forget(transfer.database, NOW + TRAIL)
    assert await transfer.transfers() == []
    async with transfer.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM act") == 0
