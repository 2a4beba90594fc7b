"""The distribution's packages, taken into the tree. Works for an ordinary user: apt keeps its lists
and files below `.local/`, and reads of the system only which packages it has. Debian and its
relatives alone have apt.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

SECONDS = 300


class CannotFetchError(Exception):
    """A package cannot be had here; the message says why."""

    @classmethod
    def of(cls, done: "subprocess.CompletedProcess[str]") -> Self:
        """What a command has said."""
        reason = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[0]
        return cls(f"{done.args[0]}: « {reason} »")


def unpack(packages: Sequence[str], work: Path) -> None:
    """Fetch packages, without what they depend on, and unpack them below `work/root`.

    Raises:
        CannotFetchError
    """
    if not packages:
        return
    downloads = work / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    done = apt(work, "apt-get", "download", *packages, folder=downloads)
    if done.returncode != 0:
        raise CannotFetchError.of(done)
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, work / "root"], check=True)
    shutil.rmtree(downloads)


def apt(work: Path, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run an apt command with a state of its own, below `work`.

    Raises:
        CannotFetchError: there is no apt, or it takes more than `SECONDS`.
    """
    for tool in (command[0], "dpkg"):
        if shutil.which(tool) is None:
            raise CannotFetchError(f"no {tool} here")
    for part in ("state/lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": work / "state",
        "Dir::State::lists": work / "state/lists",
        "Dir::Cache": work / "cache",
        "Dir::State::status": "/var/lib/dpkg/status",
        "APT::Sandbox::User": "root",  # as root: no change of user, who could not enter here
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
    }
    arguments = [f"-o{name}={value}" for name, value in options.items()]
    try:
        return subprocess.run(
            [command[0], *arguments, *command[1:]],
            cwd=folder or work,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise CannotFetchError(f"{command[0]} takes more than five minutes") from None
