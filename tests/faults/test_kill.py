"""kill -9 at the worst places: after the restart, one transfer, and every record once."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from deploy.local.client import Sign
from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.processes import Processes, processes


@pytest.fixture
async def chain(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> AsyncIterator[Processes]:
    async with processes(database_urls, vhost, keys, sign, tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    ("service", "point"),
    [
        ("siecle_import", "between-commit-and-publish"),
        ("siecle_import", "between-publish-and-delete"),
        ("transfer", "between-commit-and-ack"),
        ("transfer", "between-commit-and-publish"),
        ("dossier", "between-commit-and-ack"),
        ("dossier", "between-commit-and-publish"),
    ],
)
async def test_killed_at_the_worst_place_nothing_is_lost_or_doubled(
    chain: Processes, service: str, point: str
) -> None:
    async with chain.school(A) as a, chain.school(B) as b:
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        await chain.replace(service, dies=point)
        ready = await b.send_file(SAMPLES / "B_import2_arrive.xml")
        await b.call("siecle_import", "POST", f"/imports/{ready['id']}/confirm", json={})
        await chain.killed(service)
        await chain.start(service)
        await check_moved(a, b, old)


async def test_killed_while_it_reads_or_applies_an_import_is_done_after_the_restart(
    chain: Processes,
) -> None:
    await chain.replace("siecle_import", dies="while-a-preview-is-written")
    async with chain.school(A) as a:
        content = (SAMPLES / "A_import1.xml").read_bytes()
        headers = {"Idempotency-Key": "one"}
        sent = await a.call("siecle_import", "POST", "/imports", content=content, headers=headers)
        await chain.killed("siecle_import")
        await chain.start("siecle_import", dies="while-an-import-is-applied")
        ready = await a.wait_for_import(sent.json()["id"], {"ready"})
        await a.call("siecle_import", "POST", f"/imports/{ready['id']}/confirm", json={})
        await chain.killed("siecle_import")
        await chain.start("siecle_import")
        applied = await a.wait_for_import(ready["id"], {"applied"})
        assert applied["number"] == 1
        assert len(await a.pupils()) == applied["counts"]["created"]
