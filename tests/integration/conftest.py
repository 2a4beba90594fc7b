"""All services that have routes, for the tests that walk over them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.client import Sign
from docs.reference import service
from shared.service import Service
from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.belongings import ACADEMIE, Known, register
from tests.support.routes import TABLE
from tests.support.system import System, running


@pytest.fixture
async def everyone(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    """All services that have routes, running."""
    services = [service(name) for name in TABLE]
    databases = {one.name: await new_database(one) for one in services}
    async with running(services, databases, vhost, keys, sign) as started:
        yield started


@pytest.fixture
async def known(everyone: System) -> Known:
    """What is there, by the names under which routes ask for it: two schools, a learner who has
    moved from the one to the other with his records.
    """
    await register(everyone, A, B)
    async with everyone.school(A) as a, everyone.school(B) as b:
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        await b.import_file(SAMPLES / "B_import2_arrive.xml")
        await check_moved(a, b, old)
        there = [one["id"] for school in (a, b) for one in await school.pupils()]
        imports = (await a.call("siecle_import", "GET", "/imports")).json()["imports"]
        return {
            "uai": [A, B],
            "destination": [A, B],
            "academie": [ACADEMIE],
            "pupil_id": there,
            "transfer_id": [one["id"] for one in await a.transfers()],
            "import_id": [one["id"] for one in imports],
            "record_id": [one["id"] for one in await b.records((await b.pupil("MUTÉ"))["id"])],
        }
