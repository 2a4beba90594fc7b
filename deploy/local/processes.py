"""Programs that run beside us, write to a log file, and end with us whatever happens.

Three things see to that: a clean stop when a block ends; a session of their own, so that Ctrl-C in
the terminal reaches us alone and we stop them in order; and the kernel, which sends them a signal
when we die without a word (`launch.py`).
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from deploy.local.errors import StartError

LAUNCH = Path(__file__).with_name("launch.py")

_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
"""Starts every program. The kernel takes the *thread* that started a program for its parent, so it
must be one that lives as long as this process."""


MARK_SUFFIX = ".process"
"""Beside each log lies the mark of the process that writes it."""


@dataclass(frozen=True)
class Mark:
    """Which process it was: ids are used again, an id and a start are not."""

    pid: int
    started_at: str | None

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return self.started_at is not None and started_at(self.pid) == self.started_at


@dataclass(frozen=True)
class Program:
    """What to run.

    `user` (uid, gid) runs it as someone else, for root only. `death_signal` is what the kernel
    sends it when we die; with a `grace` in seconds a guard sends it, again and again, then SIGKILL.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    user: tuple[int, int] | None = None
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 0
    standard_input: Path = Path(os.devnull)


@dataclass(frozen=True)
class Process:
    """A program that was started."""

    program: Program
    handle: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id, or its guard's; also that of its session."""
        return self.handle.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self.handle.poll()


def start(program: Program, *, keep_log: bool = False) -> Process:
    """Start a program; its log begins anew unless `keep_log`."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    handle = _spawner.submit(_spawn, program, keep_log=keep_log).result()
    mark = Mark(handle.pid, started_at(handle.pid))
    program.log.with_suffix(MARK_SUFFIX).write_text(json.dumps(asdict(mark)))
    return Process(program, handle)


def _spawn(program: Program, *, keep_log: bool) -> subprocess.Popen[bytes]:
    owner = "{}:{}".format(*program.user) if program.user else ""
    launcher = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid())]
    launcher += [str(int(program.death_signal)), str(program.grace), owner]
    with (
        program.log.open("ab" if keep_log else "wb") as log,
        program.standard_input.open("rb") as standard_input,
    ):
        return subprocess.Popen(
            [*launcher, *program.command],
            cwd=program.folder,
            env=dict(program.environment),
            stdin=standard_input,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(
    *processes: Process,
    how: signal.Signals = signal.SIGTERM,
    within: float = 10.0,
    every: float = math.inf,
) -> None:
    """End processes together: ask with a signal, wait `within` seconds in all, then kill.

    One that may miss the signal is asked again `every` so many seconds.
    """
    deadline = time.monotonic() + within
    try:
        while time.monotonic() < deadline and any(p.exit_code is None for p in processes):
            for process in processes:
                process.handle.send_signal(how)
            _wait(processes, until=min(deadline, time.monotonic() + every))
    finally:
        for process in processes:
            kill(process)


def _wait(processes: Sequence[Process], *, until: float) -> None:
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.handle.wait(max(0.0, until - time.monotonic()))


def kill(process: Process) -> None:
    """Kill what is left of a process and of the children it may have left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.handle.wait()


def run(program: Program, *, within: float) -> None:
    """Run a program to its end.

    Raises:
        StartError: it failed, or took longer than `within` seconds.
    """
    finish([start(program)], within=within)


def finish(processes: Sequence[Process], *, within: float) -> None:
    """Wait for the end of programs that end by themselves.

    Raises:
        StartError: one failed, or they took longer than `within` seconds.
    """
    deadline = time.monotonic() + within
    try:
        for process in processes:
            code = process.handle.wait(max(0.0, deadline - time.monotonic()))
            if code != 0:
                raise _ended(process)
    except subprocess.TimeoutExpired:
        raise StartError(f"{process.program.name} took longer than {within:g} s.") from None
    finally:
        for process in processes:
            kill(process)


def wait_until(
    ready: Callable[[], bool], process: Process, *others: Process, within: float
) -> None:
    """Wait until a process is ready, as long as it and the others run.

    Raises:
        StartError: one of them ended, with the end of its log, or `within` seconds passed.
    """
    deadline = time.monotonic() + within
    while not ready():
        for watched in (process, *others):
            if watched.exit_code is not None:
                raise _ended(watched)
        if time.monotonic() > deadline:
            program = process.program
            raise StartError(
                f"{program.name} is not ready after {within:g} s.{last_lines(program.log)}"
            )
        time.sleep(0.03)


def _ended(process: Process) -> StartError:
    program = process.program
    return StartError(
        f"{program.name} ended with code {process.exit_code}.{last_lines(program.log)}"
    )


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, introduced by its name; nothing where there is none."""
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n  ".join([f" The end of {log}:", *lines])


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: by KeyboardInterrupt, once.

    Later signals find the stop under way, which takes a bounded time, and change nothing. To be
    used in the main thread.
    """
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in watched:
            # Not SIG_IGN, which programs started from here on would inherit.
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_earlier(folder: Path, within: float = 20.0) -> None:
    """Let programs end that were started from `folder`, by a supervisor that was killed.

    The caller holds the lock of the folder: no living supervisor has any there.
    """
    deadline = time.monotonic() + within
    for file in [*folder.glob(f"*{MARK_SUFFIX}"), *folder.glob(f"*/*{MARK_SUFFIX}")]:
        mark = Mark(**json.loads(file.read_text()))
        while mark.runs:
            if time.monotonic() > deadline:
                os.kill(mark.pid, signal.SIGKILL)
            time.sleep(0.05)
        file.unlink()


def started_at(pid: int) -> str | None:
    """When a process started, in ticks since the boot: with its id, what tells it from any other.

    None when no such process runs (one that has ended but was not waited for does not run).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
