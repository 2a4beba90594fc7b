"""What the tests of the local stack share."""

import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.processes import Program


def eventually(condition: Callable[[], bool], what: str, within: float = 12) -> None:
    """Return as soon as `condition` holds.

    Raises:
        AssertionError: not after `within` seconds.
    """
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within:g} s for {what}"
        time.sleep(0.03)


def shell(folder: Path, script: str, *, grace: float = 0) -> Program:
    """A program that notes its id and runs a script."""
    command = ["/bin/sh", "-c", f"echo $$ > pid; {script}"]
    environment = {"PATH": "/usr/bin:/bin"}
    return Program("shell", command, folder / "log", environment, folder, grace=grace)
