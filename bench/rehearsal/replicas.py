"""Further processes of some services, beside those that the stack runs."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy.local import ROOT, kept
from deploy.local.processes import Program, start, stop, wait_until
from deploy.local.stack import Stack


@contextmanager
def replicas(stack: Stack, wanted: Mapping[str, int], folder: Path) -> Iterator[None]:
    """Have so many processes of these services until the block ends. Requests go to the first;
    imports, outboxes and queues are everyone's.
    """
    started = []
    try:
        for name, count in wanted.items():
            for number in range(1, count):
                port = kept.port(folder, f"{name}-{number}")
                environment = {**stack.environments[name], "CPRO_HTTP_PORT": str(port)}
                command = [sys.executable, "-m", f"services.{name}", "serve"]
                log = folder / "logs" / f"{name}-{number}-serve.log"
                started.append(start(Program(name, command, log, environment, ROOT)))
                wait_until(partial(kept.listening, port), started[-1], within=90)
        yield
    finally:
        stop(*started, within=20)
