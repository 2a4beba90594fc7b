"""Programs end with their supervisor, whatever happens to it."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from deploy.local import ROOT
from deploy.local.errors import StartError
from deploy.local.processes import (
    Process,
    finish,
    kill,
    start,
    started_at,
    stop,
    stopping_on_signals,
    wait_until,
)
from tests.deploy.support import eventually, shell

PARENT = """
import signal, sys
from pathlib import Path
from tests.deploy.support import shell
from deploy.local.processes import start, stop, stopping_on_signals
with stopping_on_signals():
    process = start(shell(Path(sys.argv[1]), sys.argv[2], grace=float(sys.argv[3])))
    print("started", flush=True)
    try:
        signal.pause()
    finally:
        stop(process)
"""
STUBBORN = "trap '' TERM INT; while true; do sleep 0.1; done"


def pid_in(folder: Path) -> int:
    """The id of the shell, once it runs."""
    file = folder / "pid"
    eventually(lambda: file.exists() and file.read_text().endswith("\n"), "the program to start")
    return int(file.read_text())


def supervised(folder: Path, script: str, grace: float) -> tuple[subprocess.Popen[str], int]:
    """A supervisor with the program `script`, and the id of the program."""
    command = [sys.executable, "-c", PARENT, str(folder), script, str(grace)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    return parent, pid_in(folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("grace", [0, 2])
def test_a_program_ends_with_its_supervisor(
    tmp_path: Path, number: signal.Signals, grace: float
) -> None:
    parent, pid = supervised(tmp_path, "while true; do sleep 0.1; done", grace)
    parent.send_signal(number)
    parent.communicate(timeout=10)
    eventually(lambda: started_at(pid) is None, "the program to end")


@pytest.mark.parametrize("grace", [0, 1])
def test_not_even_a_program_that_heeds_no_signal_outlives_a_killed_supervisor(
    tmp_path: Path, grace: float
) -> None:
    parent, pid = supervised(tmp_path, STUBBORN, grace)
    parent.kill()
    parent.communicate(timeout=10)
    eventually(lambda: started_at(pid) is None, "the program to end")


def test_stop_kills_what_does_not_end_in_time(tmp_path: Path) -> None:
    process = start(shell(tmp_path, STUBBORN))
    pid_in(tmp_path)
    begun = time.monotonic()
    stop(process, within=0.5)
    assert process.exit_code == -signal.SIGKILL
    assert time.monotonic() - begun < 5


def test_a_program_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[Process] = []
    thread = threading.Thread(target=lambda: started.append(start(shell(tmp_path, "sleep 60"))))
    thread.start()
    thread.join()
    pid_in(tmp_path)
    time.sleep(0.2)  # the kernel would have sent its signal at once
    assert started[0].exit_code is None
    kill(started[0])


def test_a_program_that_ends_while_it_starts_is_told_with_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    process = start(shell(tmp_path, "echo no room left; exit 3"))
    with pytest.raises(StartError, match=r"(?s)shell ended with code 3\..*no room left"):
        wait_until(lambda: False, process, within=10)


def test_programs_that_should_end_have_a_bound(tmp_path: Path) -> None:
    process = start(shell(tmp_path, "sleep 60"))
    with pytest.raises(StartError, match=r"shell took longer than 0\.3 s"):
        finish([process], within=0.3)
    assert process.exit_code is not None


def test_the_second_signal_does_not_disturb_the_stop() -> None:
    stopped = False
    with pytest.raises(KeyboardInterrupt), stopping_on_signals():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            stopped = True
    assert stopped
