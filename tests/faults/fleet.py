"""The service processes of one seed: started, stopped, killed, replaced."""

import asyncio
import multiprocessing
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

from deploy.local.client import eventually
from tests.faults import warm
from tests.faults.launch import POINT
from tests.support.system import all_ready

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([warm.__name__])
STOP_SECONDS = 15
WATCH_SECONDS = 0.2


class EndedBadlyError(Exception):
    """A service process ended in another way than it should."""


@dataclass
class Fleet:
    """Services by their names: what each is told, and its process; `doomed` are those that are to
    kill themselves, `killed` says how often each has met kill -9, `locks` are held by who replaces
    one.
    """

    environments: Mapping[str, Mapping[str, str]]
    log: Path
    running: dict[str, BaseProcess] = field(default_factory=dict)
    doomed: set[str] = field(default_factory=set)
    killed: Counter[str] = field(default_factory=Counter)
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def start(self, name: str, **more: str) -> None:
        """Start a service; `more` are further settings."""
        environment = {**self.environments[name], **more}
        process = PROCESSES.Process(
            target=warm.run, args=(name, environment, self.log / f"{name}.log"), name=name
        )
        process.start()
        self.running[name] = process

    async def ready(self, *names: str) -> None:
        """Return when these services say that they are ready, asked without a proxy."""
        ports = {name: self.environments[name]["CPRO_HTTP_PORT"] for name in names}
        await all_ready({name: f"http://127.0.0.1:{port}" for name, port in ports.items()})

    async def kill(self, name: str) -> None:
        """kill -9."""
        self.killed[name] += 1
        process = self.running.pop(name)
        process.kill()
        await _exit_code(process, STOP_SECONDS)

    async def dies(self, name: str, point: str, seconds: float) -> bool:
        """Put a process in the place of a service that kills itself at a point; wait until it has,
        or is killed because it has not come there in so many seconds.
        """
        await self.kill(name)
        self.doomed.add(name)
        await self.start(name, **{POINT: point})
        try:
            status = await _exit_code(self.running[name], seconds)
            self.killed[name] += 1
            del self.running[name]
        except TimeoutError:
            await self.kill(name)
            return False
        finally:
            self.doomed.remove(name)
        if status != -signal.SIGKILL:
            raise EndedBadlyError(f"{name} ended with {status} before {point}")
        return True

    async def stop(self, name: str) -> None:
        """Stop a service as an orchestrator does; it must end by itself.

        Raises:
            EndedBadlyError
        """
        await self.ready(name)  # before, the signal would end it at once
        process = self.running.pop(name)
        process.terminate()
        try:
            status = await _exit_code(process, STOP_SECONDS)
        except TimeoutError:
            process.kill()
            status = None
        if status != 0:
            raise EndedBadlyError(f"{name} was to stop, and ended with {status}: see its log")

    async def watch(self) -> NoReturn:
        """Fail when a service has ended by itself.

        Raises:
            EndedBadlyError
        """
        while True:
            for name, process in self.running.items():
                if process.exitcode is not None and name not in self.doomed:
                    raise EndedBadlyError(f"{name} ended with {process.exitcode}: see its log")
            await asyncio.sleep(WATCH_SECONDS)


async def _exit_code(process: BaseProcess, seconds: float) -> int | None:
    async def ended() -> bool:
        return process.exitcode is not None

    await eventually(ended, f"{process.name} to end", seconds=seconds)
    return process.exitcode


@asynccontextmanager
async def fleet(environments: Mapping[str, Mapping[str, str]], log: Path) -> AsyncIterator[Fleet]:
    """Run services until the block ends; what is still there then is killed."""
    started = Fleet(environments, log)
    try:
        for name in environments:
            await started.start(name)
        await started.ready(*environments)
        yield started
    finally:
        for process in started.running.values():
            process.kill()
            process.join()
