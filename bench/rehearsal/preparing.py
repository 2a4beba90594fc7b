"""Before the schools begin: their files are written and the base is entered, by all processors."""

import asyncio
import datetime as dt
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from rich.progress import Progress

from bench.rehearsal.base import load, settle
from bench.rehearsal.files import write_files
from bench.rehearsal.nation import Nation, scaled

SCHOOLS_AT_ONCE = 10


def kept_nation(folder: Path, scale: float) -> Nation:
    """The nation of the files in a folder; a new one of today where there are none."""
    mark = folder / "nation.json"
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({"day": dt.datetime.now(dt.UTC).date().isoformat()}))
    return scaled(scale, dt.date.fromisoformat(json.loads(mark.read_text())["day"]))


def write_all(nation: Nation, folder: Path, progress: Progress) -> int:
    """Write the files that are missing; the bytes of XML in all that is sent."""
    return _by_all(partial(_write, nation, folder), nation, progress, "files")


def _write(nation: Nation, folder: Path, schools: Sequence[int]) -> int:
    return write_files(nation, schools, folder)


def load_all(nation: Nation, urls: Mapping[str, str], key: Path, progress: Progress) -> int:
    """Enter the base into three empty databases; how many learners that is."""
    total = _by_all(partial(_load, nation, urls, key), nation, progress, "base")
    asyncio.run(settle(urls))
    return total


def _load(nation: Nation, urls: Mapping[str, str], key: Path, schools: Sequence[int]) -> int:
    return load(nation, schools, urls, key)


def _by_all(
    work: Callable[[Sequence[int]], int], nation: Nation, progress: Progress, what: str
) -> int:
    """Do a piece of work for some schools after the other, on all processors; the sum of it."""
    parts = [
        range(first, min(first + SCHOOLS_AT_ONCE, nation.schools))
        for first in range(0, nation.schools, SCHOOLS_AT_ONCE)
    ]
    total = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as workers:
        for done in progress.track(workers.map(work, parts), len(parts), description=what):
            total += done
    return total
