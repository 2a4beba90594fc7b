"""`dossier` decides each transfer once, moves all records in one statement, and says so."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.learners import fill_records
from deploy.local.client import eventually
from services.dossier import domain, writing
from services.dossier.handlers import handle
from services.dossier.store import learners, records
from shared.database import Database
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    Event,
    PupilCreated,
    PupilReactivated,
    PupilUpdated,
    Side,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from tests.support.pupils import A, B, arrival, departure, pupil
from tests.support.reads import assert_each_once, assert_flat, rows_read


@pytest.fixture
async def database(database_urls: Mapping[str, str]) -> AsyncIterator[Database]:
    opened = await Database.open(database_urls["dossier"], 8)
    yield opened
    await opened.close()


async def take(database: Database, *events: Event) -> list[Event]:
    """Handle events in one batch; returns what is published."""
    async with database.transaction() as transaction:
        await handle(transaction, Batch(events))
        return list(transaction.events)


def request(origin: UUID, destination: UUID, *, stay: int = 1) -> TransferRequested:
    return TransferRequested(
        transfer_id=uuid4(),
        origin=Side(uai=A, pupil_id=origin),
        origin_stay=stay,
        destination=Side(uai=B, pupil_id=destination),
    )


_OTHERS = """
WITH gone AS (
    INSERT INTO erased SELECT gen_random_uuid() FROM generate_series(1, 50)
)
INSERT INTO learner (pupil_id, uai, version, stay, active, merged_into)
SELECT gen_random_uuid(), $1, 1, 1, false, gen_random_uuid() FROM generate_series(1, 50)
"""
"""Learners erased, and doubles of others."""


def content(kind: str) -> dict[str, Any]:
    """What a module gives for a record of this kind."""
    return {
        "kind": kind,
        "title": "Titre",
        "diploma": None,
        "body": {},
        "author": "M. Professeur",
        "written_on": dt.date(2025, 11, 20),
    }


async def write(database: Database, pupil_id: UUID, kind: str = "bilan", *, uai: Uai = A) -> UUID:
    record_id = uuid4()
    async with database.transaction() as transaction:
        await writing.add(transaction, uai, pupil_id, record_id, content(kind))
    return record_id


async def held(database: Database, pupil_id: UUID) -> set[UUID]:
    async with database.connection() as connection:
        return {row["id"] for row in await records.records_of(connection, pupil_id, None, 50)}


@pytest.fixture
async def pair(database: Database) -> tuple[UUID, UUID]:
    """A learner who has left A, and the same one in B."""
    left, came = departure(A), arrival(B)
    await take(database, left, came)
    return left.pupil_id, came.pupil_id


async def test_no_batch_reads_more_when_there_is_more(database: Database) -> None:
    """Tables are believed to be as small as when they were last analysed (ADR 66)."""
    counts = []
    for _ in range(6):
        start = await rows_read(database)
        come = [arrival(uai) for uai in (A, B) for _ in range(100)]
        await take(database, *come)
        sides = zip(come[:100], come[100:], strict=True)
        await take(database, *(request(one.pupil_id, other.pupil_id) for one, other in sides))
        counts.append(await rows_read(database) - start)
        async with database.connection() as connection:
            await connection.execute(_OTHERS, A)
    assert_flat(counts)


async def test_no_batch_compares_each_with_each(database: Database) -> None:
    """Nor does what a statement finds on its way, of which the planner knows no size."""
    async with database.connection() as connection:
        await fill_records(connection, 20_000)
    for _ in range(3):
        come = [arrival(uai) for uai in (A, B) for _ in range(200)]
        await assert_each_once(database, handle, come)
        for one in come[:200]:
            await write(database, one.pupil_id)
        sides = zip(come[:200], come[200:], strict=True)
        asked = [request(one.pupil_id, other.pupil_id) for one, other in sides]
        await assert_each_once(database, handle, asked)


async def test_who_gives_and_receives_in_one_batch_holds_what_he_receives(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    """`transfer` asks for no such two at once (rule 3); if it did, all could still be reached."""
    left, came = pair
    onward = arrival(A)
    await take(database, onward)
    record, own = await write(database, left), await write(database, came, uai=B)
    await take(database, request(left, came), request(came, onward.pupil_id))
    assert await held(database, came) == {record}
    assert await held(database, onward.pupil_id) == {own}
    async with database.connection() as connection:
        moved_to = "SELECT moved_to FROM learner WHERE pupil_id = $1"
        assert await connection.fetchval(moved_to, came) is None


async def test_rule_4_all_records_move_and_are_counted_by_kind(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    ids = {await write(database, old, kind) for kind in ("bilan", "fiche", "fiche")}
    [answer] = await take(database, request(old, new))
    assert isinstance(answer, DossierTransferred)
    assert answer.counts == {"bilan": 1, "fiche": 2}
    assert await held(database, new) == ids
    assert await held(database, old) == set()


async def test_rule_2_a_repeated_request_gets_the_same_answer_and_moves_nothing_more(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    await write(database, old)
    asked = request(old, new)
    first = await take(database, asked)
    assert await take(database, asked) == first
    assert await take(database, asked, asked) == first


async def test_a_learner_without_records_is_moved_with_zero_counts(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    [answer] = await take(database, request(*pair))
    assert isinstance(answer, DossierTransferred)
    assert answer.counts == {}


async def test_rule_2_a_withdrawal_that_arrives_before_its_request_is_remembered(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    record = await write(database, old)
    asked = request(old, new)
    await take(database, TransferWithdrawn(transfer_id=asked.transfer_id))
    [answer] = await take(database, asked)
    assert isinstance(answer, DossierTransferRefused)
    assert await held(database, old) == {record}


async def test_a_withdrawal_after_the_move_is_answered_with_the_move(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    asked = request(*pair)
    await take(database, asked)
    [answer] = await take(database, TransferWithdrawn(transfer_id=asked.transfer_id))
    assert isinstance(answer, DossierTransferred)


async def test_rule_4_what_the_new_school_has_written_stays(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    record = await write(database, old)
    await take(database, request(old, new))
    async with database.connection() as connection:
        row = await records.record_of(connection, new, record)
    assert row is not None
    assert row["origin_uai"] == A


async def test_a_learner_not_held_yet_is_entered_from_the_request(database: Database) -> None:
    old, new = uuid4(), uuid4()
    [answer] = await take(database, request(old, new))
    assert isinstance(answer, DossierTransferred)
    await take(database, pupil(PupilCreated, B, pupil_id=new))
    async with database.connection() as connection:
        learner = await learners.learner(connection, new)
    assert learner == domain.Learner(new, B, None)


async def test_a_request_that_comes_after_the_return_of_the_learner_moves_nothing(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    old, new = pair
    await take(database, pupil(PupilReactivated, A, pupil_id=old, version=9, stay=2))
    record = await write(database, old)
    [answer] = await take(database, request(old, new, stay=1))
    assert isinstance(answer, DossierTransferRefused)
    assert answer.reason == "returned"
    assert await held(database, old) == {record}


async def test_a_late_event_of_the_stay_before_the_move_does_not_reopen_the_old_school(
    database: Database,
) -> None:
    """The request overtakes the events of the learner's last changes in the old school."""
    old, new = uuid4(), uuid4()
    await take(database, pupil(PupilCreated, A, pupil_id=old))
    await take(database, request(old, new))
    await take(database, pupil(PupilUpdated, A, pupil_id=old, version=2))
    written = await write(database, old)
    assert await held(database, new) == {written}


async def test_a_writer_and_a_move_at_once_lose_no_record(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    """The move waits for the writer, then takes the new record with it."""
    old, new = pair
    async with database.transaction() as transaction:
        await learners.way_for_writing(transaction.connection, old)
        moving = asyncio.create_task(take(database, request(old, new)))

        async def waits() -> bool:
            async with database.connection() as other:
                found: bool = await other.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND datname = current_database())"
                )
                return found

        await eventually(waits, "the move to wait for the writer")
        record = uuid4()
        await writing.add(transaction, A, old, record, content("fiche"))
    await moving
    assert await held(database, new) == {record}
