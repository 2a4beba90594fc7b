"""The fault runs: `python -m tests.faults --seeds 20`, or `--seed 7` to play one again."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from deploy.local import LOCAL
from deploy.local.errors import StackError
from deploy.local.processes import stopping_on_signals
from tests.faults import report
from tests.faults.machines import Machines, running_machines
from tests.faults.play import Outcome, play
from tests.faults.sabotage import BUILDS
from tests.support.databases import Templates

FOLDER = LOCAL / "faults"
SABOTAGE_SEEDS = 20
"""Within so many a broken build must be noticed."""

T = TypeVar("T")
console = Console(width=100)


def main(
    *,
    seeds: Annotated[int, typer.Option(help="How many seeds to play.")] = 20,
    seed: Annotated[int | None, typer.Option(help="Play this one alone.")] = None,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    sabotage: Annotated[bool, typer.Option(help="Play builds that are broken on purpose.")] = False,
    build: Annotated[str | None, typer.Option(help="Of these, play this one.")] = None,
    write: Annotated[bool, typer.Option(help="Write the tables of docs/faults.md.")] = False,
) -> None:
    """Play seeds, each a story with faults; exit 1 if a promise was broken.

    With --sabotage: play each broken build until it is noticed; exit 1 if one is not.
    """
    chosen = [seed] if seed is not None else list(range(first, first + seeds))
    with stopping_on_signals(), running_machines(FOLDER) as machines:
        templates = Templates(machines.servers)
        if sabotage:
            wanted = [build] if build else list(BUILDS)
            noticed = asyncio.run(_stoppable(_sabotaged(machines, templates, wanted)))
            name, lines, failed = "builds", report.builds(noticed), None in noticed.values()
        else:
            outcomes = asyncio.run(_stoppable(_played(machines, templates, chosen)))
            failed = any(outcome.failed for outcome in outcomes)
            name, lines = "matrix", report.matrix(outcomes)
    if write:
        report.write(name, lines)
    raise SystemExit(failed)


async def _stoppable(playing: Coroutine[Any, Any, T]) -> T:
    """Play until a signal says to stop: then all is put away in order."""
    task = asyncio.ensure_future(playing)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _played(machines: Machines, templates: Templates, seeds: list[int]) -> list[Outcome]:
    outcomes = []
    for seed in seeds:
        outcome = await play(machines, templates, seed, _folder(seed))
        _tell(outcome)
        outcomes.append(outcome)
    return outcomes


async def _sabotaged(
    machines: Machines, templates: Templates, wanted: list[str]
) -> Mapping[str, Outcome | None]:
    """Play each broken build until a promise is broken; by which seed that was."""
    noticed = {}
    for build in wanted:
        noticed[build] = await _noticed(machines, templates, build)
        if outcome := noticed[build]:
            console.print(f"[green]✓[/] {build}: noticed by seed {outcome.seed}")
            console.print(f"    {outcome.broken}")
        else:
            console.print(f"[red]✗ {build}: not noticed by {SABOTAGE_SEEDS} seeds[/]")
    return noticed


async def _noticed(machines: Machines, templates: Templates, build: str) -> Outcome | None:
    for seed in range(SABOTAGE_SEEDS):
        outcome = await play(machines, templates, seed, _folder(seed), build)
        if outcome.broken:
            return outcome
    return None


def _folder(seed: int) -> Path:
    return FOLDER / f"seed-{seed}"


def _tell(outcome: Outcome) -> None:
    mark = "[red]✗[/]" if outcome.failed else "[green]✓[/]"
    cells = ", ".join(map(str, outcome.cells))
    console.print(f"{mark} seed {outcome.seed} [dim]({outcome.seconds:.0f} s)[/] {cells}")
    for cell in outcome.missed:
        console.print(f"    met nothing: {cell}")
    if outcome.failed:
        console.print(f"    [red]{outcome.failed}[/]")
        console.print(f"    logs: {_folder(outcome.seed)}")
        console.print(f"    again: make faults ARGS='--seed {outcome.seed}'")


if __name__ == "__main__":
    try:
        typer.run(main)
    except StackError as error:
        sys.exit(str(error))
