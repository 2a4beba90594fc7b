"""The stack that stays up: a process of its own session holds it until told to stop."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from deploy.local import LOCAL, ROOT
from deploy.local.errors import StartError
from deploy.local.kept import locked, write_private
from deploy.local.processes import Mark, last_lines, started_at, stopping_on_signals
from deploy.local.seeds.filling import fill
from deploy.local.stack import running_stack

DATA = LOCAL / "data"
STATE = LOCAL / "run" / "up.json"
LOG = LOCAL / "run" / "up.log"


@dataclass(frozen=True)
class Supervisor(Mark):
    """The process that holds the stack; `urls` is empty until all is ready."""

    urls: Mapping[str, str]


def up() -> tuple[Mapping[str, str], bool]:
    """The URLs of the services of the stack that stays, and whether it was started just now.

    Raises:
        StartError: it does not start; the message holds what it said.
    """
    with _alone():
        supervisor = _known()
        if supervisor is not None and supervisor.urls:
            return supervisor.urls, False
        return (_start() if supervisor is None else _ready(supervisor)), True


def down() -> bool:
    """Stop the stack that stays, and wait until it has; whether there was one."""
    with _alone():
        supervisor = _known()
        if supervisor is not None:
            _stop(supervisor)
        return supervisor is not None


def supervise() -> None:
    """Hold the stack until a signal; what `up` starts."""
    us = os.getpid()
    with stopping_on_signals():
        _note(Supervisor(us, started_at(us), {}))
        try:
            with running_stack(DATA) as stack:
                asyncio.run(fill(stack.urls, stack.token, stack.environments["etablissement"]))
                _note(Supervisor(us, started_at(us), stack.urls))
                while True:
                    signal.pause()
        finally:
            STATE.unlink()


@contextmanager
def _alone() -> Iterator[None]:
    """One `up` or `down` at a time."""
    with locked(LOCAL / "run" / "up.lock", wait=True):
        yield


def _note(supervisor: Supervisor) -> None:
    write_private(STATE, json.dumps(asdict(supervisor)).encode())


def _known() -> Supervisor | None:
    """The supervisor that runs, if any."""
    try:
        supervisor = Supervisor(**json.loads(STATE.read_text()))
    except FileNotFoundError:
        return None
    return supervisor if supervisor.runs else None


def _start() -> Mapping[str, str]:
    STATE.unlink(missing_ok=True)
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "supervise"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _ready(Supervisor(process.pid, started_at(process.pid), {}))


def _ready(supervisor: Supervisor) -> Mapping[str, str]:
    """The URLs, when all services are ready; interrupted, we leave nothing half started."""
    try:
        while supervisor.runs:
            known = _known()
            if known is not None and known.urls:
                return known.urls
            time.sleep(0.1)
    except KeyboardInterrupt:
        _stop(supervisor)
        raise
    raise StartError(f"The stack did not start.{last_lines(LOG)}")


def _stop(supervisor: Supervisor) -> None:
    """Ask, and wait for as long as an orderly stop of all parts may take; then kill."""
    deadline = time.monotonic() + 90
    os.kill(supervisor.pid, signal.SIGTERM)
    while supervisor.runs:
        if time.monotonic() > deadline:
            os.kill(supervisor.pid, signal.SIGKILL)
        time.sleep(0.05)
