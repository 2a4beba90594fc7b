"""What was measured: shown, held against what is wanted, kept in RESULTS.md and results.json."""

import datetime as dt
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import asyncpg
import httpx
from rich.table import Table

from deploy.local import ROOT
from deploy.local.servers import Servers

FOLDER = Path(__file__).parent
LIBRARIES = ("aio-pika", "aiormq", "asyncpg", "lxml", "pydantic", "uvloop", "fastapi")
TITLES = ("stage", "unit", "ours", "naive", "ratio", "limit", "of the limit", "wanted")


@dataclass(frozen=True, slots=True)
class Result:
    """One stage: ours and the naive way in `unit` (more is better), and, where it can be told, what
    the libraries alone do without any work of ours (`limit`; `limit_is` says what that was).
    """

    stage: str
    unit: str
    ours: float
    naive: float
    limit: float | None = None
    limit_is: str = ""

    @classmethod
    def of(cls, stage: str, unit: str, rates: Sequence[float], limit_is: str = "") -> Self:
        """From the rates of ours, of the naive way and, if there is a third, of the limit."""
        ours, naive, *limit = rates
        return cls(stage, unit, ours, naive, limit[0] if limit else None, limit_is)

    @property
    def ratio(self) -> float:
        """How many times the naive way."""
        return self.ours / self.naive

    @property
    def of_limit(self) -> float | None:
        """How many times the limit: packing can pass it."""
        return self.ours / self.limit if self.limit else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stage has to reach at the least, as times the naive way and times the limit."""

    ratio: float = 0
    of_limit: float = 0

    def told(self, result: Result) -> str:
        """What is wanted, and whether it is reached."""
        parts = [f"{self.ratio:g} × naive"] if self.ratio else []
        parts += [f"{self.of_limit:g} × limit"] if self.of_limit else []
        held = result.ratio >= self.ratio and (result.of_limit or 0) >= self.of_limit
        return f"{', '.join(parts)}: {'held' if held else 'NOT HELD'}"


WANTED = {
    "parse": Wanted(ratio=1.5),
    "apply": Wanted(ratio=20),
    "relay": Wanted(of_limit=8),
    "chain": Wanted(ratio=40, of_limit=3),
}


def _cells(result: Result) -> Sequence[str]:
    wanted = WANTED.get(result.stage)
    return (
        result.stage,
        result.unit,
        f"{result.ours:,.0f}",
        f"{result.naive:,.0f}",
        f"{result.ratio:.1f}",
        f"{result.limit:,.0f}" if result.limit else "",
        f"{result.of_limit:.1f}" if result.of_limit else "",
        wanted.told(result) if wanted else "",
    )


def table(results: Iterable[Result]) -> Table:
    """The results as a terminal shows them."""
    shown = Table(*TITLES)
    for result in results:
        shown.add_row(*_cells(result))
    return shown


def as_json(results: Iterable[Result]) -> str:
    """The results for programs."""
    told = [
        {
            "stage": one.stage,
            "unit": one.unit,
            "ours": round(one.ours, 1),
            "naive": round(one.naive, 1),
            "ratio": round(one.ratio, 2),
            "limit": round(one.limit, 1) if one.limit else None,
        }
        for one in results
    ]
    return json.dumps(told, indent=1) + "\n"


async def conditions(servers: Servers) -> Sequence[str]:
    """What the results hold for: machine, how busy it was, versions, commit."""
    connection = await asyncpg.connect(servers.postgres_url)
    postgresql = await connection.fetchval("SHOW server_version")
    await connection.close()
    broker = "of the environment"
    if servers.rabbitmq_api_url:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{servers.rabbitmq_api_url}/api/overview")
            broker = answer.json()["rabbitmq_version"]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"- {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}",
        f"- {_machine()}; load {' '.join(f'{load:.1f}' for load in os.getloadavg())} at the end",
        f"- Python {platform.python_version()}, PostgreSQL {postgresql}, RabbitMQ {broker}",
        f"- {libraries}",
    )


def _commit() -> str:
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return git.stdout.strip() or "unknown"


def _machine() -> str:
    cpu = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(_lines("/proc/meminfo")[0].split()[1]) / 1e6
    name = cpu[0].partition(":")[2].strip() if cpu else platform.machine()
    return f"{os.cpu_count()} cores ({name}), {memory:.0f} GB, Linux {platform.release()}"


def _lines(path: str) -> Sequence[str]:
    return Path(path).read_text().splitlines()


def keep(results: Sequence[Result], under: Sequence[str], said: str) -> None:
    """Write both files, with what the stages have said besides."""
    (FOLDER / "results.json").write_text(as_json(results))
    rows = [TITLES, ("---",) * len(TITLES), *map(_cells, results)]
    limits = [f"- {one.stage}: {one.limit_is}" for one in results if one.limit_is]
    lines = [
        "# What `make bench` measured last",
        "",
        *under,
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "Ours and the naive way were measured in turn, in one run; each figure is a median.",
        "",
        "The limits, measured in the same run:",
        "",
        *limits,
        "",
        "What the stages said:",
        "",
        "```",
        said.strip(),
        "```",
    ]
    (FOLDER / "RESULTS.md").write_text("\n".join(lines) + "\n")
