"""Some of the fault runs, each time; `make faults` plays more of them."""

import asyncio
import sys

from deploy.local import ROOT
from tests.faults import launch, report
from tests.faults.matrix import CELLS, CYCLE, FAULTS, POINTS, drawn

SEEDS = 3
SECONDS = 600


def test_twenty_seeds_go_through_the_whole_matrix() -> None:
    for cycle in (0, 7):
        cells = [cell for seed in range(CYCLE) for cell in drawn(cycle * CYCLE + seed)]
        assert sorted(map(str, cells)) == sorted(map(str, CELLS))


def test_the_matrix_has_every_point_at_which_a_service_can_die() -> None:
    assert POINTS.keys() == launch.POINTS.keys()


def test_the_table_is_that_of_the_matrix_and_nothing_in_it_is_broken() -> None:
    table = report.FILE.read_text().partition("<!-- matrix -->\n")[2].partition("<!-- /")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:] if line[:1] == "|"]
    assert [row[0] for row in rows] == [fault.name for fault in FAULTS]
    assert "✗" not in table
    assert "not played" not in table


async def test_the_promises_hold_whatever_breaks() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults", "--seeds", str(SEEDS),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, said.decode()
