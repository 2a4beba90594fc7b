"""What the schools do: send their files over HTTP, confirm what is asked, switch transfers on."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.rehearsal.nation import Nation
from deploy.local.client import School, UnexpectedAnswerError, client
from deploy.local.stack import Stack

AT_ONCE = 16
"""Schools that are busy with an import at one moment."""
PATIENCE = 600.0
LOOK_SECONDS = 1.0
"""How often a school looks how far its import is: as often as the page does."""


@dataclass
class Played:
    """What came of it: seconds from the upload to the preview and from the confirmation to the end,
    and how the imports ended.
    """

    read: list[float] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)
    ended: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


async def play(nation: Nation, stack: Stack, folder: Path, done: Callable[[], None]) -> Played:
    """Play the whole schedule; `done` is told of each act."""
    played = Played()
    acts = iter(nation.schedule())
    locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def work(http: httpx.AsyncClient) -> None:
        for school, file in acts:  # workers share them: each act is taken once
            async with locks[school], _school(nation, stack, school, http) as one:
                if file is None:
                    await one.switch(active=True)
                else:
                    await _import(one, folder / file, played)
            done()

    async with client() as http, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work(http))
    return played


def _school(nation: Nation, stack: Stack, school: int, http: httpx.AsyncClient) -> School:
    return School(
        nation.uai(school), stack.urls, stack.token, patience=PATIENCE, every=LOOK_SECONDS,
        http=http,
    )  # fmt: skip


async def _import(school: School, file: Path, played: Played) -> None:
    begun = time.perf_counter()
    sent = await school.send_file(file)
    played.read.append(time.perf_counter() - begun)
    if sent["state"] == "ready":
        begun = time.perf_counter()
        sent = await school.confirm(sent)
        played.applied.append(time.perf_counter() - begun)
    elif sent["state"] != "seen":
        raise UnexpectedAnswerError(f"{school.uai}: {sent['state']} {sent['findings']}")
    played.ended[sent["state"]] += 1
