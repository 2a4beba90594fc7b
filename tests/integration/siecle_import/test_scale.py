"""The largest schools: how long an import takes, and that the service answers meanwhile.

The bounds are loose, because the machine may be busy; `pytest -s` prints what was measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from bench.export import export_of
from deploy.local.client import Json, School, Sign
from tests.support.processes import Processes, memory, processes

UAI, OTHER = "9990001X", "9990002Y"


@pytest.fixture
async def alone(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> AsyncIterator[Processes]:
    """The service in a process of its own."""
    only = {"siecle_import": database_urls["siecle_import"]}
    async with processes(only, vhost, keys, sign, tmp_path) as started:
        yield started


async def timed(school: School, content: bytes) -> tuple[float, float]:
    """Seconds from the upload to the preview, and from the confirmation to the end."""
    headers = {"Idempotency-Key": str(uuid4())}
    begun = time.perf_counter()
    sent = await school.call("siecle_import", "POST", "/imports", content=content, headers=headers)
    ready = await school.wait_for_import(sent.json()["id"], {"ready", "refused", "failed"})
    read = time.perf_counter() - begun
    begun = time.perf_counter()
    await school.confirm(ready)
    return read, time.perf_counter() - begun


async def test_3_000_pupils_are_previewed_and_applied_in_seconds(alone: Processes) -> None:
    content = export_of(3_000)
    async with alone.school(UAI) as school:
        read, applied = await timed(school, content)
    print(f"\n3,000 pupils, {len(content) / 1e6:.1f} MB: {read:.2f} s, applied in {applied:.2f} s")
    assert read < 8
    assert applied < 4


async def test_25_000_pupils_are_read_in_bounded_memory_while_others_are_answered(
    alone: Processes,
) -> None:
    async with alone.school(UAI) as school:
        await school.confirm(await _small(school))
        idle = memory(alone, "siecle_import")
        longest, reading = await _answers_while(school, export_of(25_000))
        peak = memory(alone, "siecle_import", peak=True)
    print(
        f"\n25,000 pupils: {peak - idle:.0f} MB more than the {idle:.0f} MB at rest, "
        f"longest answer meanwhile {longest:.2f} s of {reading:.1f} s"
    )
    assert peak - idle < 64
    assert longest < 2


async def test_a_school_does_not_wait_for_the_file_of_a_larger_one(alone: Processes) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    content = export_of(25_000)
    async with alone.school(UAI) as large, alone.school(OTHER) as small:
        sent = await large.call(
            "siecle_import", "POST", "/imports", content=content, headers=headers
        )
        await _small(small)
        under_way = await large.call("siecle_import", "GET", f"/imports/{sent.json()['id']}")
        assert under_way.json()["state"] == "received"
        await large.wait_for_import(sent.json()["id"], {"ready"})


async def _small(school: School) -> Json:
    headers = {"Idempotency-Key": str(uuid4())}
    content = export_of(3).replace(UAI.encode(), school.uai.encode())
    sent = await school.call("siecle_import", "POST", "/imports", content=content, headers=headers)
    return await school.wait_for_import(sent.json()["id"], {"ready"})


async def _answers_while(school: School, content: bytes) -> tuple[float, float]:
    """Ask something else again and again while a file is read; the longest answer and the whole,
    in seconds.
    """
    headers = {"Idempotency-Key": str(uuid4())}
    sent = await school.call("siecle_import", "POST", "/imports", content=content, headers=headers)
    begun, longest, state = time.perf_counter(), 0.0, "received"
    while state == "received":
        asked = time.perf_counter()
        answer = await school.call("siecle_import", "GET", f"/imports/{sent.json()['id']}")
        longest = max(longest, time.perf_counter() - asked)
        state = answer.json()["state"]
        await asyncio.sleep(0.01)
    assert state == "ready"
    return longest, time.perf_counter() - begun
