"""What operations see of imports and transfers, by state."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from services.siecle_import import metrics as imports
from services.siecle_import.__main__ import service as siecle_import
from services.siecle_import.domain.imports import State
from services.siecle_import.store.imports import set_state
from services.transfer import metrics as transfers
from services.transfer.__main__ import service as transfer
from services.transfer.store import changes
from shared.clock import PARIS, Clock
from shared.database import Database
from shared.service import Runtime, Service
from tests.integration.test_story import SAMPLES, A, B, start
from tests.support.system import TODAY, System, settings_of


@pytest.fixture
async def databases(system: System) -> AsyncIterator[dict[str, Database]]:
    opened = {name: await Database.open(url, 2) for name, url in system.database_urls.items()}
    yield opened
    for database in opened.values():
        await database.close()


def runtime(system: System, service: Service, database: Database, day: dt.date) -> Runtime:
    url = system.database_urls[service.name]
    settings = settings_of(service, url, system.amqp_url, system.keys, system.urls)
    return Runtime(settings, database, Clock(day), None, asyncio.Event())


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_imports_and_transfers_are_told_by_state(
    system: System, databases: dict[str, Database]
) -> None:
    async with system.school(A) as a, system.school(B) as b:
        await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        await b.send_file(SAMPLES / "B_import2_arrive.xml")
        await imports.refresh(runtime(system, siecle_import, databases["siecle_import"], TODAY))
        assert told("cpro_imports", state="applied") == 3
        assert told("cpro_imports", state="ready") == 1
        assert told("cpro_import_oldest_seconds") == 0
        assert told("cpro_schools_without_import") == 0
        await b.import_file(SAMPLES / "B_import2_arrive.xml")
        await b.closed_transfer()
    await transfers.refresh(runtime(system, transfer, databases["transfer"], TODAY))
    assert told("cpro_transfers", state="closed") == 1
    assert told("cpro_transfers", state="requested") == 0
    assert told("cpro_transfer_oldest_seconds") == 0
    autumn = dt.date(2026, 9, 20)
    await imports.refresh(runtime(system, siecle_import, databases["siecle_import"], autumn))
    assert told("cpro_schools_without_import") == 2


async def test_an_import_is_as_old_as_its_state_for_whichever_process_asks(
    system: System, databases: dict[str, Database]
) -> None:
    database = databases["siecle_import"]
    asked = runtime(system, siecle_import, database, TODAY)
    async with database.transaction() as transaction:
        await transaction.connection.execute(
            """
            INSERT INTO import_run (id, uai, state, sent_by, received_at, entered_at)
            SELECT gen_random_uuid(), uai, state, 'x', now() - age, now() - age FROM (VALUES
                ('9990001X', 'ready', interval '9 days'),
                ('9990002Y', 'confirmed', interval '1 hour')) AS waiting (uai, state, age)
            """
        )
    await imports.refresh(asked)
    assert told("cpro_import_oldest_seconds") == pytest.approx(3600, abs=60)
    async with database.transaction() as transaction:
        connection = transaction.connection
        one = await connection.fetchval("SELECT id FROM import_run WHERE state = 'ready'")
        await set_state(connection, one, expected=State.READY, state=State.CONFIRMED, values={})
        await connection.execute("DELETE FROM import_run WHERE id <> $1", one)
    await imports.refresh(asked)
    assert told("cpro_import_oldest_seconds") == pytest.approx(0, abs=60)


async def test_what_the_reconcile_found_is_told_by_whichever_process_asks(
    system: System, databases: dict[str, Database]
) -> None:
    database = databases["transfer"]
    asked = runtime(system, transfer, database, TODAY)
    await transfers.refresh(asked)
    assert told("cpro_reconcile_found_in_day") == 0
    async with database.transaction() as transaction:
        for found in (2, 0, 1):
            await changes.note_found(transaction.connection, found)
    await transfers.refresh(asked)
    assert told("cpro_reconcile_found_in_day") == 3
    async with database.transaction() as transaction:
        await transaction.connection.execute(
            "UPDATE reconcile SET found_at = found_at - interval '25 hours'"
        )
    await transfers.refresh(asked)
    assert told("cpro_reconcile_found_in_day") == 0
    async with database.transaction() as transaction:
        await changes.note_found(transaction.connection, 1)
    await transfers.refresh(asked)
    assert told("cpro_reconcile_found_in_day") == 1, "what was found before is over"


@pytest.mark.parametrize(
    ("day", "year"), [(dt.date(2026, 9, 1), 2026), (dt.date(2026, 8, 31), 2025)]
)
def test_a_school_year_begins_in_september(day: dt.date, year: int) -> None:
    assert imports.since(day) == dt.datetime(year, 9, 1, tzinfo=PARIS)
