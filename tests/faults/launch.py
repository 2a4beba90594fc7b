"""Runs a service that kills itself (SIGKILL) at the point that `FAULTS_POINT` names:
`python -m tests.faults.launch NAME serve`.

The points are set from outside, by replacing a function of the kernel: production code holds none.
"""

import os
import runpy
import signal
import sys
from typing import Any, NoReturn

from services.notifier.sending import Sender
from services.notifier.smtp import Mailbox
from services.siecle_import.store import imports, pupils
from shared import database
from shared.messaging import consumer, relay
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay

POINT = "FAULTS_POINT"
POINTS = {
    "before-commit": (database, "_write_outbox"),
    "between-commit-and-publish": (Relay, "_publish"),
    "between-publish-and-delete": (relay, "remove"),
    "between-delivery-and-effect": (consumer, "_not_seen"),
    "between-commit-and-ack": (Consumer, "_acknowledge"),
    "between-claim-and-sending": (Mailbox, "send"),
    "between-answer-and-writing": (Sender, "_write_surely"),
    "while-a-preview-is-written": (imports, "keep_lists"),
    "while-an-import-is-applied": (pupils, "set_in_force"),
}
"""Where a service can be made to die: just before it would call the function named."""


def _die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def arm(point: str) -> None:
    """Have this process die when it comes to a point."""
    owner, function = POINTS[point]
    setattr(owner, function, _die)


def main() -> None:
    """Arm the point, then run the service as its own command does."""
    module, *arguments = sys.argv[1:]
    arm(os.environ[POINT])
    sys.argv = [module, *arguments]
    runpy.run_module(f"services.{module}", run_name="__main__")


if __name__ == "__main__":
    main()
