"""What operations see of imports and transfers, by state."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from services.siecle_import import metrics as imports
from services.siecle_import.__main__ import service as siecle_import
from services.transfer import metrics as transfers
from services.transfer.__main__ import service as transfer
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


def test_an_import_that_does_not_move_on_grows_old_and_one_that_does_begins_anew() -> None:
    one = uuid4()
    assert imports.longest({(one, "received")}, 1000.0) == 0
    assert imports.longest({(one, "received")}, 2200.0) == 1200
    assert imports.longest({(one, "confirmed")}, 2300.0) == 0
    assert imports.longest(set(), 2400.0) == 0


@pytest.mark.parametrize(
    ("day", "year"), [(dt.date(2026, 9, 1), 2026), (dt.date(2026, 8, 31), 2025)]
)
def test_a_school_year_begins_in_september(day: dt.date, year: int) -> None:
    assert imports.since(day) == dt.datetime(year, 9, 1, tzinfo=PARIS)
