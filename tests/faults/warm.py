"""Service processes that start in a fraction of a second: forked from one that has imported all.

A seed starts a dozen of them; to import the libraries anew each time would take most of its time.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing import parent_process
from pathlib import Path
from typing import NoReturn

import services.dossier.__main__
import services.etablissement.__main__
import services.inspector_access.__main__
import services.notifier.__main__
import services.siecle_import.__main__
import services.transfer.__main__
from shared.service import command_line
from tests.faults import sabotage, skew, witness
from tests.faults.launch import POINT, arm

SERVICES = {
    module.service.name: module.service
    for module in (
        services.etablissement.__main__,
        services.siecle_import.__main__,
        services.transfer.__main__,
        services.dossier.__main__,
        services.inspector_access.__main__,
        services.notifier.__main__,
    )
}
"""Those that hear or tell events. The gateway does neither: it has no part in the fault runs."""


def run(name: str, environment: Mapping[str, str], log: Path) -> None:
    """Become a service, as `python -m services.<name> serve` would, in a forked process."""
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    if build := environment.get(sabotage.SABOTAGE):
        sabotage.BUILDS[build]()
    witness.install()
    skew.install(Path(environment[skew.SKEW]))
    if point := environment.get(POINT):
        arm(point)
    sys.argv = [name, "serve"]
    command_line(SERVICES[name])()


def _end_with_the_run() -> NoReturn:
    """Wait for the end of the process that plays, however it ends, and leave nothing behind."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")
