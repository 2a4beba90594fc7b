"""Records that follow later, and records that go back (docs/transfer.md, rules 5 and 6)."""

from uuid import UUID, uuid4

import pytest

from services.dossier import domain, writing
from services.dossier.store import learners, records
from shared.database import Database
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    Event,
    PupilErased,
    PupilMerged,
    PupilReactivated,
    TransferRequested,
)
from shared.identifiers import Uai
from tests.integration.dossier.test_moving import (
    content,
    database,
    held,
    pair,
    request,
    take,
    write,
)
from tests.support.pupils import A, B, C, arrival, pupil

__all__ = ["database", "pair"]


def back(moved: TransferRequested) -> TransferRequested:
    """The reversal of a transfer: sides swapped, a new id."""
    return TransferRequested(
        transfer_id=uuid4(),
        origin=moved.destination,
        origin_stay=1,
        destination=moved.origin,
        reverses=moved.transfer_id,
    )


def on(moved: TransferRequested, uai: Uai, pupil_id: UUID) -> TransferRequested:
    """The next transfer of the learner who has received `moved`."""
    there = moved.destination.model_copy(update={"uai": uai, "pupil_id": pupil_id})
    return moved.model_copy(
        update={"transfer_id": uuid4(), "origin": moved.destination, "destination": there}
    )


async def add(database: Database, uai: Uai, pupil_id: UUID, kind: str = "bilan") -> list[Event]:
    """Write a record as the API does; what is told to `transfer`."""
    async with database.transaction() as transaction:
        await writing.add(transaction, uai, pupil_id, uuid4(), content(kind))
        return list(transaction.events)


async def change(database: Database, holder: UUID, record: UUID) -> None:
    async with database.transaction() as transaction:
        changed = await records.change_record(
            transaction.connection, holder, record, 1, content("bilan")
        )
    assert changed is not None


async def test_rule_5_a_late_addition_follows_along_the_chain_and_is_counted(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    last = arrival(C).pupil_id
    await write(database, old)
    first = request(old, new)
    await take(database, first)
    await take(database, on(first, C, last))
    [told] = await add(database, A, old, "fiche")
    assert isinstance(told, DossierTransferred)
    assert (told.transfer_id, told.part) == (first.transfer_id, 1)
    assert told.counts == {"bilan": 1, "fiche": 1}
    [again] = await add(database, A, old, "fiche")
    assert isinstance(again, DossierTransferred)
    assert (again.part, again.counts) == (2, {"bilan": 1, "fiche": 2})
    assert len(await held(database, last)) == 3
    assert await take(database, first) == [again], "a repeated request is told the newest counts"


async def test_rule_5_ends_when_the_learner_is_back_or_the_records_are(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    moved = request(old, new)
    await take(database, moved)
    await take(database, pupil(PupilReactivated, A, pupil_id=old, version=9, stay=2))
    assert await add(database, A, old) == []
    assert len(await held(database, old)) == 1
    came_back = on(moved, A, old)
    await take(database, came_back)
    assert await add(database, A, old) == []
    assert len(await held(database, old)) == 2


async def test_rule_4_a_record_that_has_moved_is_not_changed_in_the_old_school(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    await take(database, request(old, new))
    async with database.transaction() as transaction:
        way = await learners.way_for_writing(transaction.connection, old)
    with pytest.raises(domain.RecordsMovedError):
        domain.check_changeable(way, A)


async def test_rule_6_records_go_back_but_for_those_changed_since(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    kept, changed = await write(database, old), await write(database, old)
    own = await write(database, new, uai=B)
    moved = request(old, new)
    await take(database, moved)
    await add(database, A, old, "fiche")
    await change(database, new, changed)
    [answer] = await take(database, back(moved))
    assert isinstance(answer, DossierTransferred)
    assert answer.counts == {"bilan": 1, "fiche": 1}
    assert answer.left == (changed,)
    assert await held(database, new) == {own, changed}
    assert kept in await held(database, old)
    assert await add(database, A, old) == [], "the old school holds the dossier again"
    assert len(await held(database, old)) == 3


async def test_rule_6_only_the_last_move_is_reversed(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    record, last = await write(database, old), arrival(C).pupil_id
    first = request(old, new)
    await take(database, first)
    second = on(first, C, last)
    await take(database, second)
    [refused] = await take(database, back(first))
    assert isinstance(refused, DossierTransferRefused)
    assert refused.reason == "moved-on"
    await take(database, back(second))
    assert await held(database, new) == {record}
    await take(database, back(first))
    assert await held(database, old) == {record}


async def test_a_reversal_is_decided_once(database: Database, pair: tuple[UUID, UUID]) -> None:
    old, new = pair
    moved = request(old, new)
    await write(database, old)
    await take(database, moved)
    asked = back(moved)
    first = await take(database, asked)
    assert await take(database, asked) == first
    [refused] = await take(database, back(moved))
    assert isinstance(refused, DossierTransferRefused)


async def test_a_reversal_finds_the_records_of_a_learner_who_was_merged_since(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    record, survivor = await write(database, old), arrival(B)
    moved = request(old, new)
    await take(database, moved)
    await take(database, survivor)
    merge = PupilMerged(
        uai=B,
        surviving_id=survivor.pupil_id,
        surviving_version=2,
        merged_id=new,
        merged_version=2,
    )
    await take(database, merge)
    await take(database, back(moved))
    assert await held(database, old) == {record}


async def test_after_the_erasure_of_the_receiver_the_old_school_writes_for_itself(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    await take(database, request(old, new))
    await take(database, PupilErased(pupil_id=new))
    assert await add(database, A, old) == []
    assert len(await held(database, old)) == 1
