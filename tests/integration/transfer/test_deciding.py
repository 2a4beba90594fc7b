"""The transfer protocol on a real database (docs/transfer.md), event by event."""

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from bench.learners import fill
from deploy.local.client import eventually
from services.transfer.handlers import handle
from services.transfer.reconcile import reconcile
from services.transfer.store import changes, single_file
from services.transfer.store.figures import found_by_reconcile
from services.transfer.store.transfers import close
from shared.database import Connection, Database
from shared.envelope import Received
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    Event,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
    PupilReactivated,
    PupilUpdated,
    TransferClosed,
    TransferRequested,
    TransferWithdrawn,
)
from shared.messaging.consumer import Batch, Consumer
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
from tests.support.reads import assert_each_once, assert_flat, rows_read

DAY = dt.timedelta(days=1)


@pytest.fixture
async def both_on(transfer: Transfer) -> Transfer:
    await transfer.switch(A, active=True)
    await transfer.switch(B, active=True)
    return transfer


async def states(transfer: Transfer) -> list[str]:
    return [row["state"] for row in await transfer.transfers()]


async def test_the_last_condition_opens_the_transfer_whichever_it_is(transfer: Transfer) -> None:
    events: tuple[Event, ...] = (departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    for number, order in enumerate(itertools.permutations(events)):
        for event in order:
            await transfer.take(event)
        assert len(await transfer.transfers()) == 0, f"order {number}: the switches are off"
    await transfer.switch(A, active=True)
    assert await states(transfer) == []
    await transfer.switch(B, active=True)
    assert await states(transfer) == ["requested"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_events_open_one_transfer_in_any_order_and_repeated(
    both_on: Transfer, order: tuple[int, ...]
) -> None:
    events = (departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    for index in (*order, *order):
        await both_on.take(events[index])
    assert await states(both_on) == ["requested"]
    assert await both_on.published(TransferRequested) == 1


async def test_one_batch_is_decided_like_many(both_on: Transfer) -> None:
    await both_on.take(imported(B), arrival(B, keys(1)), departure(A, keys(1)))
    assert await states(both_on) == ["requested"]


async def test_an_announced_departure_is_one_since_its_import(both_on: Transfer) -> None:
    """What académies are told of delays begins there, not when the learner had come."""
    before = dt.datetime.now(dt.UTC)
    here = pupil(PupilCreated, A, keys(1))
    left = pupil(PupilDeactivated, A, keys(1), pupil_id=here.pupil_id, version=2)
    await both_on.take(here, arrival(B, keys(1)), imported(B))
    await both_on.take(imported(A, 3, JANUARY, left))
    [transfer] = await both_on.transfers()
    assert before < transfer["ready_at"] <= transfer["requested_at"]


async def test_an_older_version_changes_nothing(both_on: Transfer) -> None:
    left = departure(A, keys(1))
    await both_on.take(left)
    await both_on.take(pupil(PupilUpdated, A, keys(1), pupil_id=left.pupil_id, version=1))
    await both_on.take(arrival(B, keys(1)), imported(B))
    assert await states(both_on) == ["requested"]


async def test_rule_1_two_deciding_transactions_open_exactly_one_transfer(
    both_on: Transfer,
) -> None:
    """A departure and an arrival in two transactions that overlap: neither misses the other."""
    database = both_on.database
    async with database.transaction() as first:
        await handle(first, Batch([departure(A, keys(1))]))
        second = asyncio.create_task(both_on.take(arrival(B, keys(1)), imported(B)))
        third = asyncio.create_task(both_on.switch(C, active=True))

        async def two_wait() -> bool:
            async with database.connection() as connection:
                waiting: int = await connection.fetchval(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE wait_event = 'advisory' AND datname = current_database()
                    """
                )
                return waiting == 2

        await eventually(two_wait, "both other transactions to wait for the lock")
        assert not second.done()
    await asyncio.gather(second, third)
    assert await states(both_on) == ["requested"]


async def test_many_transactions_at_once_open_one_transfer_for_each_departure(
    both_on: Transfer,
) -> None:
    batches = [(departure(A, keys(i)), arrival(B, keys(i)), imported(B)) for i in range(1, 21)]
    await asyncio.gather(*(both_on.take(event) for batch in batches for event in batch))
    assert await states(both_on) == ["requested"] * 20


async def test_rule_2_a_learner_back_before_the_move_withdraws_the_request(
    both_on: Transfer,
) -> None:
    left = departure(A, keys(1))
    await both_on.take(left, arrival(B, keys(1)), imported(B))
    back = pupil(
        PupilReactivated, A, keys(1), pupil_id=left.pupil_id, version=3, stay=2, activated=JANUARY
    )
    await both_on.take(back)
    assert await both_on.published(TransferWithdrawn) == 1
    assert await states(both_on) == ["requested"], "until dossier says what came first"
    [row] = await both_on.transfers()
    await both_on.take(DossierTransferRefused(transfer_id=row["id"], reason="withdrawn"))
    assert await states(both_on) == ["cancelled"]


async def test_a_departure_after_which_dossier_knows_the_learner_back_is_over(
    both_on: Transfer,
) -> None:
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    [row] = await both_on.transfers()
    await both_on.take(DossierTransferRefused(transfer_id=row["id"], reason="returned"))
    await both_on.switch(A, active=False)
    await both_on.switch(A, active=True)
    assert await states(both_on) == ["cancelled"]


@pytest.mark.parametrize("school", [A, B])
async def test_rule_2_a_switch_put_off_withdraws_and_put_on_again_opens_anew(
    both_on: Transfer, school: str
) -> None:
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    await both_on.switch(A if school == A else B, active=False)
    [row] = await both_on.transfers()
    assert row["withdrawn_at"]
    await both_on.take(DossierTransferRefused(transfer_id=row["id"], reason="withdrawn"))
    await both_on.switch(A if school == A else B, active=True)
    assert await states(both_on) == ["cancelled", "requested"]


async def test_a_withdrawal_that_came_too_late_closes_the_transfer(both_on: Transfer) -> None:
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    await both_on.switch(A, active=False)
    [row] = await both_on.transfers()
    await both_on.take(DossierTransferred(transfer_id=row["id"], counts={"bilan": 1}))
    assert await states(both_on) == ["closed"]


async def test_rule_3_a_departure_is_transferred_once(both_on: Transfer) -> None:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(left, came, imported(B))
    [row] = await both_on.transfers()
    answer = DossierTransferred(transfer_id=row["id"], counts={"fiche": 2})
    await both_on.take(answer)
    await both_on.take(answer)
    assert await both_on.published(TransferClosed) == 1
    await both_on.switch(A, active=False)
    await both_on.switch(A, active=True)
    assert await states(both_on) == ["closed"]


async def test_rule_3_two_earlier_schools_owe_records_one_after_the_other(
    both_on: Transfer,
) -> None:
    await both_on.switch(C, active=True)
    await both_on.take(
        departure(A, keys(1)), departure(C, keys(1)), arrival(B, keys(1)), imported(B)
    )
    assert await states(both_on) == ["requested"]
    [row] = await both_on.transfers()
    await both_on.take(DossierTransferred(transfer_id=row["id"], counts={}))
    assert await states(both_on) == ["closed", "requested"]
    assert {t["origin_uai"] for t in await both_on.transfers()} == {A, C}


async def test_who_is_back_before_the_answer_has_his_records_sent_after_him(
    both_on: Transfer,
) -> None:
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await both_on.take(left, came, imported(B))
    [asked] = await both_on.transfers()
    back = pupil(
        PupilReactivated, A, keys(1), pupil_id=left.pupil_id, version=3, stay=2, activated=JANUARY
    )
    gone = pupil(PupilDeactivated, B, keys(1), pupil_id=came.pupil_id, version=2)
    await both_on.take(back, gone, imported(A, 3, JANUARY + DAY))
    assert await states(both_on) == ["requested"]
    await both_on.take(DossierTransferred(transfer_id=asked["id"], counts={}))
    assert await states(both_on) == ["closed", "requested"]
    assert (await both_on.transfers())[-1]["destination_uai"] == A


async def test_who_has_left_once_more_before_the_answer_is_transferred_once_more(
    both_on: Transfer,
) -> None:
    left = departure(A, keys(1))
    await both_on.take(left, arrival(B, keys(1)), imported(B))
    [asked] = await both_on.transfers()
    again = pupil(
        PupilDeactivated, A, keys(1), pupil_id=left.pupil_id, version=4, stay=2, activated=JANUARY
    )
    await both_on.take(again, imported(B, 3, JANUARY + DAY))
    await both_on.take(DossierTransferred(transfer_id=asked["id"], counts={}))
    assert await states(both_on) == ["closed", "requested"]
    assert [row["origin_stay"] for row in await both_on.transfers()] == [1, 2]


async def test_an_answer_leaves_nothing_to_decide_where_nobody_else_shares_the_ine(
    both_on: Transfer,
) -> None:
    other = departure(C, keys(2))
    await both_on.take(*learners(range(1, 3)), other, imported(B))
    answers = [
        DossierTransferred(transfer_id=t["id"], counts={}) for t in await both_on.transfers()
    ]
    async with both_on.database.transaction() as transaction:
        rows = await close(transaction.connection, answers)
    assert len(rows) == 2
    assert {key for row in rows for key in row["ine_keys"]} == {keys(2).ine_key}


async def test_two_schools_that_claim_a_learner_move_nothing_until_one_remains(
    both_on: Transfer,
) -> None:
    await both_on.switch(C, active=True)
    rival = arrival(C, keys(1))
    await both_on.take(imported(B), imported(C))
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), rival)
    assert await states(both_on) == []
    await both_on.take(pupil(PupilUpdated, C, keys(2), pupil_id=rival.pupil_id, version=2))
    [row] = await both_on.transfers()
    assert (row["origin_uai"], row["destination_uai"]) == (A, B)


async def test_an_older_list_claims_nobody_until_the_school_imports_again(
    both_on: Transfer,
) -> None:
    await both_on.take(imported(B, 1, SEPTEMBER), arrival(B, keys(1)), departure(A, keys(1)))
    assert await states(both_on) == []
    await both_on.take(imported(B, 2, JANUARY))
    assert await states(both_on) == ["requested"]


async def test_a_learner_named_by_an_import_as_deactivated_claims_nothing(
    both_on: Transfer,
) -> None:
    """B's import says that he left before his own event has come."""
    came = arrival(B, keys(1))
    gone = pupil(PupilDeactivated, B, keys(1), pupil_id=came.pupil_id, version=2)
    await both_on.take(came, departure(A, keys(1)))
    await both_on.take(imported(B, 2, JANUARY, gone))
    assert await states(both_on) == []
    await both_on.take(gone)
    assert await states(both_on) == []


async def test_another_birth_date_is_not_moved_another_name_is_flagged(both_on: Transfer) -> None:
    await both_on.take(imported(B))
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1, born=2)))
    assert await states(both_on) == []
    await both_on.take(departure(A, keys(2)), arrival(B, keys(2, named=2)))
    [row] = await both_on.transfers()
    assert row["names_differ"]


async def test_one_of_several_aliases_in_common_is_enough(both_on: Transfer) -> None:
    await both_on.take(imported(B), departure(A, keys(1), keys(2)), arrival(B, keys(3), keys(2)))
    assert await states(both_on) == ["requested"]


async def test_rule_11_the_reconcile_finds_nothing_in_normal_life(both_on: Transfer) -> None:
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    assert await reconcile(both_on.database) == 0
    assert await states(both_on) == ["requested"]


async def test_rule_11_the_reconcile_opens_what_was_missed_and_asks_again(
    both_on: Transfer,
) -> None:
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    async with both_on.database.transaction() as transaction:
        await transaction.connection.execute("DELETE FROM transfer")
    assert await reconcile(both_on.database) == 1
    async with both_on.database.connection() as connection:
        assert await found_by_reconcile(connection) == 1
    async with both_on.database.transaction() as transaction:
        await transaction.connection.execute(
            "UPDATE transfer SET asked_at = asked_at - interval '1 hour'"
        )
    requests = await both_on.published(TransferRequested)
    assert await reconcile(both_on.database) == 0
    assert await both_on.published(TransferRequested) == requests + 1


class Counted(Database):
    """A database that notes the statements of its transactions."""

    def __init__(self, url: str, pool: Any) -> None:
        super().__init__(url, pool)
        self.statements: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with super().connection() as connection:
            with connection.query_logger(lambda q: self.statements.append(q.query)):
                yield connection

    def ours(self) -> list[str]:
        """Those of the service: asyncpg looks types up once a connection."""
        own = ("pg_type", "'jit'", "BEGIN", "COMMIT")
        return [text for text in self.statements if not any(part in text for part in own)]


@pytest.fixture
async def counted(both_on: Transfer, database_urls: Mapping[str, str]) -> AsyncIterator[Counted]:
    opened = await Counted.open(database_urls["transfer"], 1)
    yield opened
    await opened.close()


def learners(numbers: range) -> list[PupilEvent]:
    return [event for i in numbers for event in (departure(A, keys(i)), arrival(B, keys(i)))]


async def test_a_batch_of_500_events_costs_at_most_12_statements(
    both_on: Transfer, counted: Counted
) -> None:
    """Learners, imports, answers, refusals, withdrawals: all that comes in great numbers, from the
    inbox to the outbox. (Merges, erasures and the registry's news come one by one.)
    """
    await both_on.take(*learners(range(1, 101)), imported(B))
    asked = [row["id"] for row in await both_on.transfers()]
    back = [
        pupil(PupilReactivated, A, keys(i), pupil_id=row["origin_pupil"], version=3, stay=2)
        for i, row in enumerate(await both_on.transfers(), start=1)
    ]
    events = [
        *(DossierTransferred(transfer_id=one, counts={"bilan": 2}) for one in asked[:50]),
        *(DossierTransferRefused(transfer_id=one, reason="returned") for one in asked[50:80]),
        *back[80:],
        *learners(range(101, 251))[:398],
        imported(A, 3),
        imported(B, 3),
    ]
    consumer = Consumer("transfer", counted, "", handle)
    await consumer._handle_once([Received(uuid4(), event, {}) for event in events])
    found = [row["state"] for row in await both_on.transfers()]
    assert found.count("closed") == 50
    assert found.count("cancelled") == 30
    assert found.count("requested") == 20 + 150
    assert await both_on.published(TransferWithdrawn) == 20
    assert len(counted.ours()) <= 12, counted.ours()


_IMPORTED_UNSEEN = """
INSERT INTO import_in_force (uai, number, horodatage, school_year, source, changed_at)
VALUES ($1, 1, $2, 2025, 'siecle', clock_timestamp())
"""
_OTHERS = """
WITH opposed AS (
    INSERT INTO opposition SELECT gen_random_uuid(), $1, 'direction', now()
    FROM generate_series(1, 50)
), held AS (
    INSERT INTO not_to_transfer SELECT one, gen_random_uuid(), gen_random_uuid(), now()
    FROM (SELECT gen_random_uuid() FROM generate_series(1, 50)) AS o (one)
), offered AS (
    INSERT INTO transfer (id, kind, state, origin_uai, origin_pupil, origin_stay, destination_uai,
        names_differ, requested_at, asked_at)
    SELECT gen_random_uuid(), 'by-hand', 'offered', $1, gen_random_uuid(), 1, $2, false, now(),
        now()
    FROM generate_series(1, 50)
), announced AS (
    INSERT INTO announced_departure SELECT gen_random_uuid(), 2 FROM generate_series(1, 50)
), gone AS (
    INSERT INTO gone SELECT gen_random_uuid(), 2 FROM generate_series(1, 50)
)
INSERT INTO merged SELECT gen_random_uuid(), gen_random_uuid(), 2 FROM generate_series(1, 50)
"""
"""What becomes of others meanwhile."""


async def test_rule_11_the_reconcile_decides_over_schools_whose_switch_or_import_changed(
    both_on: Transfer,
) -> None:
    """Over what they have in common with others, be those changes behind its mark."""
    await both_on.take(departure(A, keys(1)), arrival(B, keys(1)), departure(A, keys(2)))
    await reconcile(both_on.database)
    async with both_on.database.connection() as connection:
        await connection.execute(_IMPORTED_UNSEEN, B, JANUARY)
    assert await reconcile(both_on.database) == 1
    assert await states(both_on) == ["requested"]


async def test_the_reconcile_reads_a_slice_of_what_has_changed_not_all(both_on: Transfer) -> None:
    await both_on.take(*learners(range(1, 121)))
    counts = []
    for _ in range(6):
        start = await rows_read(both_on.database)
        async with both_on.database.transaction() as transaction:
            await single_file(transaction.connection)
            assert await changes.keys_changed(transaction.connection, 40)
        counts.append(await rows_read(both_on.database) - start)
    assert_flat(counts[1:])  # the first takes in the switches


async def test_no_batch_reads_more_when_there_is_more(both_on: Transfer) -> None:
    """Tables are believed to be as small as when they were last analysed (ADR 66)."""
    arrived, answered = [], []
    await both_on.take(imported(B))
    for first in range(1, 241, 40):
        start = await rows_read(both_on.database)
        await both_on.take(*learners(range(first, first + 40)))
        arrived.append(await rows_read(both_on.database) - start)
        asked = [row["id"] for row in await both_on.transfers() if row["state"] == "requested"]
        assert len(asked) == 40
        start = await rows_read(both_on.database)
        await both_on.take(*(DossierTransferred(transfer_id=one, counts={}) for one in asked))
        answered.append(await rows_read(both_on.database) - start)
        async with both_on.database.connection() as connection:
            await connection.execute(_OTHERS, A, B)
    assert_flat(arrived)
    assert_flat(answered)


async def test_no_batch_compares_each_with_each(both_on: Transfer) -> None:
    """Nor does what a statement finds on its way, of which the planner knows no size."""
    async with both_on.database.connection() as connection:
        await fill(connection, 20_000)
    await both_on.take(imported(B))
    for first in range(1, 121, 30):
        come = learners(range(first, first + 30))
        again = [one.model_copy(update={"version": one.version + 1}) for one in come]
        for told in (come, again):
            await assert_each_once(both_on.database, handle, told)
        asked = [row["id"] for row in await both_on.transfers() if row["state"] == "requested"]
        answers = [DossierTransferred(transfer_id=one, counts={}) for one in asked]
        assert len(answers) == 30
        await assert_each_once(both_on.database, handle, answers)


async def test_an_unknown_transfer_is_passed_over(both_on: Transfer) -> None:
    await both_on.take(DossierTransferred(transfer_id=uuid4(), counts={}))
    assert await states(both_on) == []
