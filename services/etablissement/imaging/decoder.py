"""Has an uploaded file decoded by a process of its own, which no file can make last or grow.

A process a file costs a tenth of a second, and an upload is rare: docs/adr/0026.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from services.etablissement.domain.images import Picture, Refusal, RefusedImageError

_ROOT = Path(__file__).parents[3]
_CHILD = "services.etablissement.imaging.child"
_ENDED = (-signal.SIGXCPU, -signal.SIGKILL)

AT_ONCE = 2
"""Processes side by side: together they take 400 MB at the most."""

WAIT_SECONDS = 10.0
PATIENCE_SECONDS = 10.0
"""Of a process on a busy machine; its own limit is 2 s of computing."""

log = structlog.get_logger()
_places = asyncio.Semaphore(AT_ONCE)


class DecoderUnavailableError(Exception):
    """The process could not do its work, whatever the file."""


async def decoded(data: bytes) -> Picture:
    """The image in a file.

    Raises:
        RefusedImageError: also when the process died of the file.
        DecoderUnavailableError: the process does not start.
        TimeoutError: too many others are being decoded.
    """
    async with _place():
        status, said = await _run(data)
    if status == 0:
        return _picture(said)
    if status in _ENDED:
        raise RefusedImageError(Refusal.TOO_HEAVY)
    if status < 0:
        raise RefusedImageError(Refusal.DAMAGED)
    log.error("images.decoder_failed", status=status)
    raise DecoderUnavailableError


@asynccontextmanager
async def _place() -> AsyncIterator[None]:
    """One of the `AT_ONCE` places."""
    async with asyncio.timeout(WAIT_SECONDS):
        await _places.acquire()
    try:
        yield
    finally:
        _places.release()


async def _run(data: bytes) -> tuple[int, bytes]:
    """How the process ended and what it said; it is killed when it lasts, or when nobody waits for
    it any more. It is given none of the service's environment, where secrets are.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _CHILD, cwd=_ROOT, env={},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, _ = await process.communicate(data)
    except TimeoutError:
        return -signal.SIGKILL, b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said


def _picture(said: bytes) -> Picture:
    """What the process made, or why it refused."""
    line, _, images = said.partition(b"\n")
    told = json.loads(line)
    if "refusal" in told:
        raise RefusedImageError(Refusal(told["refusal"]))
    size = told["size"]
    return Picture(images[:size], told["width"], told["height"], images[size:])
