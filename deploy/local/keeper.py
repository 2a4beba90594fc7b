"""Starts programs again that end although they should run."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from deploy.local.processes import Process, start

logger = logging.getLogger(__name__)

LONGEST_DELAY = 30.0
"""Seconds between two starts, at the most."""

HEALTHY_AFTER = 60.0
"""Seconds after which a program that ended is no longer one that cannot start."""


@contextmanager
def kept_running(processes: list[Process]) -> Iterator[None]:
    """Replace those of `processes` that end, in the list itself, until the block ends."""
    ended = Event()
    watchers = [Thread(target=_watch, args=(processes, i, ended)) for i in range(len(processes))]
    for watcher in watchers:
        watcher.start()
    try:
        yield
    finally:
        ended.set()
        for watcher in watchers:
            watcher.join()


def _watch(processes: list[Process], index: int, ended: Event) -> None:
    """Keep one program running, with a pause that doubles as long as it does not stay."""
    delay = 1.0
    begun = time.monotonic()
    while not ended.wait(0.2):
        process = processes[index]
        if process.exit_code is None:
            continue
        if time.monotonic() - begun > HEALTHY_AFTER:
            delay = 1.0
        logger.warning(
            "%s ended with code %s: it is started again in %g s (log: %s)",
            process.program.name,
            process.exit_code,
            delay,
            process.program.log,
        )
        if ended.wait(delay):
            return
        processes[index] = start(process.program, keep_log=True)
        begun, delay = time.monotonic(), min(2 * delay, LONGEST_DELAY)
