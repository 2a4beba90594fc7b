"""Become another program, or its guard, that cannot outlive the process that started this one.

Run as a script of its own, `python -I -S launch.py PARENT SIGNAL GRACE UID:GID COMMAND...`, because
the kernel's request « send me SIGNAL when my parent ends » is made by the child for itself, and
because nothing but plain system calls may happen between a fork and an exec in a program with
threads. With a GRACE in seconds this process stays as a guard beside the program: SIGNAL is then
sent again and again, and SIGKILL when the grace is over.

Linux only. Imports nothing but the standard library, for speed.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

# <linux/prctl.h>, <linux/securebits.h>, <linux/capability.h>
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""The signals that a guard waits for."""

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do what the command line says; ends with the program, or by becoming it."""
    parent, death_signal, grace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    owner, *command = sys.argv[4:]
    if owner:
        become(*map(int, owner.split(":")))
    if grace:
        sys.exit(guard(parent, death_signal, grace, command))
    execute(parent, death_signal, command)


def execute(parent: int, death_signal: int, command: list[str]) -> None:
    """Become the program. To be called after any change of user, which clears the request."""
    _ask_for(death_signal)
    if os.getppid() != parent:  # it ended before the line above: nobody will tell us
        os._exit(1)
    os.execvp(command[0], command)


def guard(parent: int, death_signal: int, grace: float, command: list[str]) -> int:
    """Run the program, pass signals on to it, see to its end after ours; its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    _ask_for(signal.SIGTERM)
    guarding = os.getpid()
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        execute(guarding, signal.SIGKILL, command)
    while os.getppid() == parent:
        received = signal.sigwait(HEARD)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _exit_code(status)
        if received != signal.SIGCHLD and os.getppid() == parent:
            os.kill(child, received)
    deadline = time.monotonic() + grace
    while True:
        os.kill(child, death_signal if time.monotonic() < deadline else signal.SIGKILL)
        signal.sigtimedwait([signal.SIGCHLD], 1.0)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _exit_code(status)


def _exit_code(status: int) -> int:
    """As a shell gives it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _ask_for(death_signal: int) -> None:
    _call("prctl", PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def become(uid: int, gid: int) -> None:
    """Give up root for a user who may still walk through folders that are root's alone.

    PostgreSQL refuses to run as root, and the checkout may be below a folder such as /root that no
    other user can enter. The one capability for that is kept (reading, or where a container
    withholds it, passing over the permissions of files); all others go.
    """
    capability = _permitted(CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
    _call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    with suppress(PermissionError):  # access(2), with which initdb looks for programs, needs this
        _call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    mask = 0 if capability is None else 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
    _call("capset", header, data)
    if capability is not None:
        _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _permitted(*capabilities: int) -> int | None:
    """The first of the capabilities that this process has."""
    status = Path("/proc/self/status").read_text()
    held = int(status.split("CapPrm:")[1].split()[0], 16)
    return next((number for number in capabilities if held >> number & 1), None)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


if __name__ == "__main__":
    main()
