"""What one data folder keeps between starts: locks, secrets and ports."""

import fcntl
import itertools
import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import InUseError

PORTS = range(20_000, 30_000)
"""Below the range from which the kernel takes the ports of outgoing connections."""


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path`; it goes with the process, however it ends.

    Raises:
        InUseError: another process holds it and `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise InUseError(
                f"Another process works in {path.with_suffix('')}: stop it first."
            ) from None
        yield


def secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a file that only its owner can read; made when it is not there yet."""
    if not path.exists():
        write_private(path, make())
    return path.read_bytes()


def write_private(path: Path, content: bytes) -> None:
    """Replace a file, in one step, by one that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode=0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def port(folder: Path, name: str) -> int:
    """The port that `name` had at the last start if it is still free, else another."""
    file = folder / "ports.json"
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    if not _free(ports.get(name)):
        taken = set(ports.values())
        ports[name] = next(
            number for number in _shuffled() if number not in taken and _free(number)
        )
        write_private(file, json.dumps(ports, indent=1).encode())
    return ports[name]


def free_port() -> int:
    """A port that nobody listens on, another at each call of this process. None of those that the
    system gives to outgoing connections: one could be taken before it is used.
    """
    return next(filter(_free, _ONE_AFTER_THE_OTHER))


def _shuffled() -> Iterator[int]:
    return iter(random.sample(PORTS, len(PORTS)))


_ONE_AFTER_THE_OTHER = itertools.cycle(_shuffled())


def _free(number: int | None) -> bool:
    if number is None:
        return False
    with socket.socket() as listener:
        # As servers do: connections of an earlier run that linger do not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def listening(number: int) -> bool:
    """Whether a server accepts connections at this port of the loopback."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", number)) == 0
