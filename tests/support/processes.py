"""Services as processes of their own, to be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.client import School, Sign
from deploy.local.kept import free_port
from deploy.local.servers import run_url
from tests.faults.launch import POINT
from tests.support.system import TODAY, all_ready

ROOT = Path(__file__).parents[2]


@dataclass
class Processes:
    """Service processes of one test, each at a port that it keeps over its restarts; `more` are
    settings beside the usual ones.
    """

    database_urls: Mapping[str, str]
    amqp_url: str
    keys: Path
    sign: Sign
    log: Path
    more: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def urls(self) -> dict[str, str]:
        """Where the services listen."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    def school(self, uai: str) -> School:
        """The staff and modules of one school."""
        return School(uai, self.urls, self.sign)

    def environment(self, name: str, port: int = 0) -> Mapping[str, str]:
        """The settings of a service."""
        return {
            **os.environ,
            "CPRO_ENVIRONMENT": "local",
            "CPRO_DATABASE_URL": run_url(self.database_urls[name]),
            "CPRO_AMQP_URL": self.amqp_url,
            "CPRO_HTTP_PORT": str(port),
            "CPRO_JWKS_FILE": str(self.keys / "jwks.json"),
            "CPRO_MATCH_KEY_FILE": str(self.keys / "match.key"),
            "CPRO_TODAY": TODAY.isoformat(),
            **self.more,
        }

    async def start(
        self, name: str, *, dies: str | None = None, root: Path = ROOT, beside: str | None = None
    ) -> None:
        """Start a service and wait until it is ready; `dies` names the point where it kills itself
        (tests/faults/launch.py). It may be that of another tree (`root`), and run `beside` one of
        the same name, known by this name.
        """
        called = beside or name
        port = self.ports.setdefault(called, free_port())
        command = ["-m", "tests.faults.launch", name] if dies else ["-m", f"services.{name}"]
        environment = {**self.environment(name, port), **({POINT: dies} if dies else {})}
        with (self.log / f"{called}.log").open("ab") as output:
            self.running[called] = await asyncio.create_subprocess_exec(
                sys.executable, *command, "serve",
                cwd=root, env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        await all_ready({called: self.urls[called]})

    async def stop(self, name: str) -> None:
        """Stop a service as an orchestrator does; it must end by itself."""
        process = self.running.pop(name)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0, f"{name} did not stop cleanly"

    async def killed(self, name: str) -> None:
        """Wait until a service has killed itself."""
        status = await asyncio.wait_for(self.running.pop(name).wait(), 30)
        assert status == -signal.SIGKILL, f"{name} ended with {status}, see its log"

    async def replace(self, name: str, *, dies: str | None = None) -> None:
        """Stop a service and start it again."""
        await self.stop(name)
        await self.start(name, dies=dies)


@asynccontextmanager
async def processes(
    database_urls: Mapping[str, str],
    amqp_url: str,
    keys: Path,
    sign: Sign,
    log: Path,
    more: Mapping[str, str] | None = None,
) -> AsyncIterator[Processes]:
    """The services of these databases as processes; what is still there at the end is killed."""
    started = Processes(database_urls, amqp_url, keys, sign, log, more or {})
    try:
        await asyncio.gather(*(started.start(name) for name in database_urls))
        yield started
    finally:
        for process in started.running.values():
            process.kill()
            await process.wait()


def memory(started: Processes, name: str, *, peak: bool = False) -> float:
    """Memory of a running service that is its own, in MB: now, or the most it has taken."""
    status = Path(f"/proc/{started.running[name].pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM" if peak else "VmRSS"))
    return int(line.split()[1]) / 1000


async def command(
    name: str, *arguments: str, environment: Mapping[str, str], answers: str = ""
) -> tuple[int, str]:
    """Run a command of a service, answering what it asks; its status and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{name}", *arguments,
        cwd=ROOT, env={**os.environ, "COLUMNS": "200", **environment},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(answers.encode()), 120)
    assert process.returncode is not None
    return process.returncode, said.decode()
