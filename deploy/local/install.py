"""Create `.venv` with exactly the packages of the two lock files, each checked by its hash.

Run by `make` with any Python: imports the standard library only, and is written so that a Python
that is too old can still read it and say so. Repeats nothing that is up to date; two at a time wait
for one another; one that was interrupted starts again.
"""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
VENV = TREE / ".venv"
DONE = VENV / "installed"
LOCKS = [TREE / "requirements.lock", TREE / "requirements-dev.lock"]


def main() -> None:
    """Install, or say in one sentence what is missing."""
    _check_python()
    lock = TREE / ".local" / "install.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _up_to_date():
            _install()


def _check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (it may well be older)
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"Python 3.11 or newer is needed, and {sys.executable} is {found}: "
            "install one and say « make PYTHON=python3.11 »."
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = "python{}.{}".format(*sys.version_info[:2])
        sys.exit(
            f"{sys.executable} cannot make virtual environments: install {version}-venv "
            f"(Debian, Ubuntu: apt-get install {version}-venv)."
        )


def _up_to_date() -> bool:
    return DONE.exists() and all(DONE.stat().st_mtime >= lock.stat().st_mtime for lock in LOCKS)


def _install() -> None:
    if not DONE.exists() or not (VENV / "bin" / "python").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(VENV))
    DONE.unlink(missing_ok=True)
    requirements = [str(lock) for lock in LOCKS]
    if not (_install_uv() and _try_uv(requirements)):
        # uv does not read pip's settings (a mirror, a certificate); pip takes a minute.
        _run(*_pip(), *(part for lock in requirements for part in ("-r", lock)))
    DONE.touch()


def _pip() -> "list[str]":
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    return [*pip, "install", "--no-input", "--no-cache-dir", "--require-hashes"]


def _install_uv() -> bool:
    """Install uv alone, as the lock file has it: it installs the rest twenty times faster."""
    pinned = re.search(r"^uv==.*?(?=^\S|\Z)", LOCKS[1].read_text(), re.MULTILINE | re.DOTALL)
    if pinned is None:
        return False
    file = VENV / "uv.lock"
    file.write_text(pinned[0])
    _run(*_pip(), "-r", str(file))
    return True


def _try_uv(requirements: "list[str]") -> bool:
    sync = [str(VENV / "bin" / "uv"), "pip", "sync", "-q", "--no-cache", "--require-hashes"]
    sync += ["--compile-bytecode"]  # as pip does; else every process of a first start does it
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    done = subprocess.run([*sync, *requirements], env=environment, capture_output=True, check=False)
    return done.returncode == 0


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        sys.exit(f"The set-up stopped: « {' '.join(command[:4])} ... » failed (see above).")


if __name__ == "__main__":
    main()
