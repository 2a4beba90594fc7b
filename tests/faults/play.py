"""Plays one seed: a story, the faults that are drawn for it, then what must hold."""

import asyncio
import random
import shutil
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.client import UnexpectedAnswerError
from tests.faults.fleet import EndedBadlyError
from tests.faults.invariants import calm, check, check_running
from tests.faults.machines import Machines
from tests.faults.matrix import Cell, drawn
from tests.faults.promises import BrokenPromiseError
from tests.faults.stage import Stage, staged
from tests.faults.story import Story, told
from tests.support.databases import Templates

AT_ONCE = 3
"""Faults that are injected at the same time."""

SEED_SECONDS = 400.0
STUCK = (EndedBadlyError, UnexpectedAnswerError, TimeoutError)
"""How a seed fails, beside a broken promise, when the services do; anything else is a defect of the
harness.
"""


@dataclass(frozen=True)
class Outcome:
    """How a seed ended: `broken` says what does not hold, `stuck` what went no further; `missed`
    are the cells whose fault met nothing.
    """

    seed: int
    cells: Sequence[Cell]
    missed: Sequence[Cell]
    broken: str
    stuck: str
    seconds: float

    @property
    def failed(self) -> str:
        """What is wrong, if anything is."""
        return "; ".join(filter(None, (self.broken, self.stuck)))


async def play(
    machines: Machines, templates: Templates, seed: int, folder: Path, build: str | None = None
) -> Outcome:
    """Play a seed; `folder` gets its files and the logs of the services."""
    begun, cells, missed = time.monotonic(), drawn(seed), list[Cell]()
    broken = stuck = ""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        async with (
            asyncio.timeout(SEED_SECONDS),
            staged(machines, templates, folder, build) as stage,
        ):
            await _watched(stage, _play(stage, seed, cells, missed))
    except* BrokenPromiseError as group:
        broken = _said(group)
    except* STUCK as group:
        stuck = _said(group)
    return Outcome(seed, cells, missed, broken, stuck, time.monotonic() - begun)


def _said(group: BaseExceptionGroup[BaseException]) -> str:
    """What the errors of a group say."""
    return "; ".join(
        _said(error)
        if isinstance(error, BaseExceptionGroup)
        else f"{error}" or type(error).__name__
        for error in group.exceptions
    )


async def _watched(stage: Stage, playing: Coroutine[Any, Any, None]) -> None:
    """Play, unless a service ends by itself."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(stage.fleet.watch())
        await playing
        watching.cancel()


async def _play(stage: Stage, seed: int, cells: Sequence[Cell], missed: list[Cell]) -> None:
    dice = random.Random(seed)
    async with told(stage, random.Random(dice.random())) as story:
        await story.opening()
        for at in range(0, len(cells), AT_ONCE):
            await _break(stage, story, cells[at : at + AT_ONCE], dice, missed)
        await story.ending()
        await calm(stage)
        await check_running(stage)
        await asyncio.gather(*(stage.fleet.stop(name) for name in list(stage.fleet.running)))
        await check(stage, story, cells)


async def _break(
    stage: Stage, story: Story, cells: Sequence[Cell], dice: random.Random, missed: list[Cell]
) -> None:
    """Inject faults while the story goes on, for as long as they last."""

    async def inject(cell: Cell) -> None:
        if not await cell.fault.inject(stage, cell.service, random.Random(dice.random())):
            missed.append(cell)

    async with asyncio.TaskGroup() as group:
        injected = [group.create_task(inject(cell)) for cell in cells]
        while not all(task.done() for task in injected):
            await story.round()
