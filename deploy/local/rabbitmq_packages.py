"""RabbitMQ and Erlang, taken from the distribution's packages into the tree. Where there is no apt
a server of one's own is named by `CPRO_AMQP_URL`.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from deploy.local import LOCAL
from deploy.local.apt import CannotFetchError, apt, unpack
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
    work = LOCAL / "rabbitmq.new"
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    try:
        unpack(_erlang_packages(work), work)
        unpack(_missing_libraries(work), work)
    except CannotFetchError as error:
        raise MissingPartError(f"RabbitMQ cannot be fetched: {error}. {OTHERWISE}") from None
    _drop_other_plugins(next((root / "usr/lib/rabbitmq/lib").glob("*/plugins")))
    (root / MARK.name).touch()
    shutil.rmtree(INSTALLED, ignore_errors=True)
    root.rename(INSTALLED)
    shutil.rmtree(work)


def _erlang_packages(work: Path) -> list[str]:
    """RabbitMQ's package and those of Erlang that it needs, whatever the system has."""
    update = apt(work, "apt-get", "update")
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", *(f"--no-{kind}" for kind in kinds)]
    listing = apt(work, "apt-cache", "depends", *options, "rabbitmq-server")
    if listing.returncode != 0:  # an update may fail in part and still give what is needed
        raise CannotFetchError.of(update if update.stderr else listing)
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
    plan = apt(work, "apt-get", "install", "-s", "--no-install-recommends", "rabbitmq-server")
    return re.findall(r"^Inst (lib\S+) \(", plan.stdout, re.MULTILINE)


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
