"""« Un jour ou deux maximum », says the guide; here it takes less than a second."""

import statistics
import time
from pathlib import Path

from tests.integration.test_story import A, B
from tests.support.siecle import export
from tests.support.system import System

RUNS = 20


async def test_a_transfer_closes_within_a_second_of_the_second_import(
    system: System, tmp_path: Path
) -> None:
    """Median of 20, from the request to apply the import (before its commit) to the closing."""
    path = tmp_path / "ElevesSansAdresses.xml"
    movers = list(range(100, 100 + RUNS))
    async with system.school(A) as a, system.school(B) as b:
        await a.import_file(export(path, A, "15/09/2025 18:00:00", [1, *movers]))
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(export(path, A, "12/01/2026 08:00:00", [1]))
        seconds = []
        for run in range(RUNS):
            present = [2, *movers[: run + 1]]
            ready = await b.send_file(export(path, B, f"13/01/2026 10:{run:02d}:00", present))
            begun = time.perf_counter()
            await b.confirm(ready)
            await b.closed_transfer(count=run + 1)
            seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    print(f"\ntransfer closed: median {median:.3f} s, longest {max(seconds):.3f} s of {RUNS}")
    assert median < 1
