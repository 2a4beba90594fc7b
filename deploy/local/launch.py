"""Become another program that cannot outlive the process that started this one.

Run as a script of its own, `python -I -S launch.py PARENT SIGNAL UID:GID COMMAND...`, because the
kernel's request « send me SIGNAL when my parent ends » is made by the child for itself, and because
nothing but plain system calls may happen between a fork and an exec in a program with threads.
Linux only. Imports nothing but the standard library, for speed.
"""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

# <linux/prctl.h>, <linux/capability.h>
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do what the command line says; returns only by an exception."""
    parent, death_signal, owner, *command = sys.argv[1:]
    if owner:
        become(*map(int, owner.split(":")))
    # After the change of user, which clears it.
    _call("prctl", PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the line above: nobody will tell us
        sys.exit(1)
    os.execvp(command[0], command)


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
