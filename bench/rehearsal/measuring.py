"""What the rehearsal took: time, memory, disk, statements and index look-ups."""

import json
import os
import statistics
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.rehearsal.checking import Pools
from deploy.local.processes import MARK_SUFFIX, Mark
from shared.database import Connection

SAMPLE_SECONDS = 1.0


def percentiles(seconds: Sequence[float]) -> str:
    """Median, 95th and 99th percentile, longest; in seconds."""
    if len(seconds) < 2:
        return f"{len(seconds)} only"
    cut = statistics.quantiles(seconds, n=100, method="inclusive")
    return (
        f"median {cut[49]:.2f} s, p95 {cut[94]:.2f} s, p99 {cut[98]:.2f} s, "
        f"longest {max(seconds):.2f} s"
    )


def resident(pid: int, *, peak: bool = False) -> float:
    """Memory of a process, or of the largest that came of it, in MB: now, or the most ever."""
    name = "VmHWM" if peak else "VmRSS"
    sizes = [0]
    for one in _family(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{one}/status").read_text().splitlines()
            sizes += [int(line.split()[1]) for line in status if line.startswith(name)]
    return max(sizes) / 1e3


@dataclass
class Memory:
    """How much of the machine's memory was taken beyond that at the beginning, at the most."""

    before: float = field(default_factory=lambda: _available())
    most: float = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at it every second until the block ends."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLE_SECONDS):
                self.most = max(self.most, self.before - _available())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _available() -> float:
    """Megabytes of memory that programs could take."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) / 1e3
    raise RuntimeError("/proc/meminfo does not tell what is available")


def disk(folder: Path) -> float:
    """Gigabytes below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e9


def marked(folder: Path) -> Mapping[str, int]:
    """The processes that run, started from a stack's folder, by the names of their logs."""
    files = [
        file
        for place in ("postgres/postgres", "rabbitmq/rabbitmq", "logs/*-serve")
        for file in folder.glob(f"{place}{MARK_SUFFIX}")
    ]
    marks = {file.stem: Mark(**json.loads(file.read_text())) for file in files}
    return {name.removesuffix("-serve"): mark.pid for name, mark in marks.items() if mark.runs}


def processor(pid: int) -> float:
    """Seconds of processor that a process and all that came of it have taken."""
    ticks = 0
    for one in _family(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(map(int, _stat(one)[11:15]))  # its own, and those who have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> Sequence[int]:
    """A process and all that came of it."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children[int(_stat(int(folder.name))[1])].append(int(folder.name))
    found = [pid]
    for one in found:  # it grows on the way
        found += children[one]
    return found


def _stat(pid: int) -> Sequence[str]:
    """What /proc tells of a process after its name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


async def count_statements(administrator: Connection) -> None:
    """Have statements counted from now on."""
    await administrator.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    await administrator.execute("SELECT pg_stat_statements_reset()")


async def statements(administrator: Connection) -> Mapping[str, int]:
    """How many statements each database has answered since."""
    rows = await administrator.fetch(
        """
        SELECT d.datname, sum(s.calls)::bigint AS calls
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid GROUP BY 1
        """
    )
    return {row["datname"].removeprefix("cpro_"): row["calls"] for row in rows}


async def dearest(administrator: Connection, count: int) -> Sequence[tuple[str, str, float, int]]:
    """The statements that have taken most time since: database, beginning, seconds, how often."""
    rows = await administrator.fetch(
        r"""
        SELECT d.datname, regexp_replace(s.query, '\s+', ' ', 'g') AS query, s.calls,
            s.total_exec_time / 1000 AS seconds
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        ORDER BY s.total_exec_time DESC LIMIT $1
        """,
        count,
    )
    return [
        (row["datname"].removeprefix("cpro_"), row["query"][:60], row["seconds"], row["calls"])
        for row in rows
    ]


async def lookups(pools: Pools) -> Mapping[str, int]:
    """How often an index of each database has been searched, ever."""
    question = "SELECT sum(idx_scan)::bigint FROM pg_stat_user_indexes"
    return {name: await pool.fetchval(question) for name, pool in pools.items()}
