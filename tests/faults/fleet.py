"""The service processes of one seed: started, stopped, killed, replaced."""

import asyncio
import multiprocessing
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from deploy.local.client import eventually
from tests.faults import warm
from tests.faults.launch import POINT
from tests.support.system import all_ready

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([warm.__name__])
STOP_SECONDS = 15
STARTED = 30.0


class EndedBadlyError(Exception):
    """A service process ended in another way than it should."""


@dataclass
class Fleet:
    """Services by their names: what each is told, where it listens, and its process."""

    environments: Mapping[str, Mapping[str, str]]
    urls: Mapping[str, str]
    log: Path
    running: dict[str, BaseProcess] = field(default_factory=dict)
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def start(self, name: str, **more: str) -> None:
        """Start a service and wait until its process answers; `more` are further settings."""
        environment = {**self.environments[name], **more}
        process = PROCESSES.Process(
            target=warm.run, args=(name, environment, self.log / f"{name}.log"), name=name
        )
        process.start()
        self.running[name] = process

    async def ready(self, name: str) -> None:
        """Return when a service says that it is ready."""
        await all_ready({name: self.urls[name]})

    async def kill(self, name: str) -> None:
        """kill -9."""
        self.running[name].kill()
        await self._ended(name, STOP_SECONDS)
        del self.running[name]

    async def dies(self, name: str, point: str, seconds: float) -> bool:
        """Put a process in the place of a service that kills itself at a point; wait until it has,
        or is killed because it has not come there in so many seconds.
        """
        await self.kill(name)
        await self.start(name, **{POINT: point})
        try:
            await self._ended(name, seconds)
        except TimeoutError:
            await self.kill(name)
            return False
        status = self.running.pop(name).exitcode
        if status != -signal.SIGKILL:
            raise EndedBadlyError(f"{name} ended with {status} before {point}")
        return True

    async def stop(self, name: str) -> None:
        """Stop a service as an orchestrator does; it must end by itself.

        Raises:
            EndedBadlyError
        """
        process = self.running.pop(name)
        process.terminate()
        try:
            status = await _exit_code(process, STOP_SECONDS)
        except TimeoutError:
            process.kill()
            status = None
        if status != 0:
            raise EndedBadlyError(f"{name} was to stop, and ended with {status}: see its log")

    async def _ended(self, name: str, seconds: float) -> None:
        await _exit_code(self.running[name], seconds)

    def check(self) -> None:
        """Fail if a service has ended by itself.

        Raises:
            EndedBadlyError
        """
        for name, process in self.running.items():
            if process.exitcode is not None:
                raise EndedBadlyError(f"{name} ended with {process.exitcode}: see its log")


async def _exit_code(process: BaseProcess, seconds: float) -> int | None:
    async def ended() -> bool:
        return process.exitcode is not None

    await eventually(ended, f"{process.name} to end", seconds=seconds)
    return process.exitcode


@asynccontextmanager
async def fleet(
    environments: Mapping[str, Mapping[str, str]], urls: Mapping[str, str], log: Path
) -> AsyncIterator[Fleet]:
    """Run services until the block ends; what is still there then is killed."""
    started = Fleet(environments, urls, log)
    try:
        for name in environments:
            await started.start(name)
        await all_ready(urls)
        yield started
    finally:
        for process in started.running.values():
            process.kill()
            process.join()
