"""RabbitMQ and Erlang, taken from the distribution's packages into the tree.

Works for an ordinary user: apt keeps its lists and files below `.local/`, and reads of the system
only which packages it has. Debian and its relatives alone have apt; elsewhere a server of one's own
is named by `CPRO_AMQP_URL`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local import LOCAL
from deploy.local.errors import MissingPartError
from deploy.local.kept import locked

INSTALLED = LOCAL / "rabbitmq"
"""The root of the unpacked packages: `usr/lib/erlang`, `usr/lib/rabbitmq`, ..."""

MARK = INSTALLED / "fetched"
PLUGINS = ("rabbitmq_management",)
OTHERWISE = (
    "Set CPRO_AMQP_URL (and, for tests, CPRO_RABBITMQ_API_URL) to a RabbitMQ server of yours."
)


def erlang_folder() -> Path:
    """Where Erlang's `lib` and `erts-*` are."""
    return INSTALLED / "usr/lib/erlang"


def rabbitmq_folder() -> Path:
    """Where RabbitMQ's `plugins` are."""
    return next((INSTALLED / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))


def fetch() -> None:
    """Install RabbitMQ into `.local/rabbitmq` unless it is there.

    Raises:
        MissingPartError: it cannot be had on this machine.
    """
    if MARK.exists():
        return
    with locked(LOCAL / "rabbitmq.lock", wait=True):
        if not MARK.exists():
            _install()


def _install() -> None:
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(tool) is None:
            raise MissingPartError(f"RabbitMQ cannot be fetched: no {tool} here. {OTHERWISE}")
    work = LOCAL / "rabbitmq.new"
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(INSTALLED, ignore_errors=True)
    root = work / "root"
    _unpack(_erlang_packages(work), work)
    _unpack(_missing_libraries(work), work)
    _drop_other_plugins(next((root / "usr/lib/rabbitmq/lib").glob("*/plugins")))
    (root / MARK.name).touch()
    root.rename(INSTALLED)
    shutil.rmtree(work)


def _erlang_packages(work: Path) -> list[str]:
    """RabbitMQ's package and those of Erlang that it needs, whatever the system has."""
    update = _apt(work, "apt-get", "update")
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", *(f"--no-{kind}" for kind in kinds)]
    listing = _apt(work, "apt-cache", "depends", *options, "rabbitmq-server")
    if listing.returncode != 0:  # an update may fail in part and still give what is needed
        raise _refused(update if update.stderr else listing)
    return re.findall(r"^(rabbitmq-server|erlang-\S+)$", listing.stdout, re.MULTILINE)


def _missing_libraries(work: Path) -> list[str]:
    """Packages of the shared libraries that Erlang needs and the system lacks, often none."""
    programs = [
        *work.glob("root/usr/lib/erlang/erts-*/bin/beam.smp"),
        *work.glob("root/usr/lib/erlang/lib/crypto-*/priv/lib/crypto.so"),
    ]
    found = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    if "not found" not in found.stdout:
        return []
    plan = _apt(work, "apt-get", "install", "-s", "--no-install-recommends", "rabbitmq-server")
    return re.findall(r"^Inst (lib\S+) \(", plan.stdout, re.MULTILINE)


def _unpack(packages: Sequence[str], work: Path) -> None:
    if not packages:
        return
    downloads = work / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    done = _apt(work, "apt-get", "download", *packages, folder=downloads)
    if done.returncode != 0:
        raise _refused(done)
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, work / "root"], check=True)
    shutil.rmtree(downloads)


def _apt(work: Path, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run an apt command with a state of its own."""
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
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        raise MissingPartError(
            f"RabbitMQ cannot be fetched: {command[0]} takes more than five minutes. {OTHERWISE}"
        ) from None


def _refused(done: subprocess.CompletedProcess[str]) -> MissingPartError:
    reason = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[0]
    return MissingPartError(
        f"RabbitMQ cannot be fetched: {done.args[0]}: « {reason} ». {OTHERWISE}"
    )


def _drop_other_plugins(plugins: Path) -> None:
    """Keep what RabbitMQ and `PLUGINS` need.

    Erlang looks for every module in every folder in turn: with a third of the folders the broker
    starts in a third of the time.
    """
    folders: dict[str, Path] = {}
    needs: dict[str, Iterable[str]] = {}
    for file in plugins.glob("*/ebin/*.app"):
        folders[file.stem] = file.parent.parent
        listed = re.search(r"\{applications,\s*\[(.*?)\]", file.read_text(), re.DOTALL)
        needs[file.stem] = re.findall(r"\w+", listed[1]) if listed else ()
    kept: set[str] = set()
    waiting = ["rabbit", "rabbitmq_prelaunch", *PLUGINS]
    while waiting:
        name = waiting.pop()
        if name in needs and name not in kept:
            kept.add(name)
            waiting.extend(needs[name])
    for name in needs.keys() - kept:
        shutil.rmtree(folders[name])
