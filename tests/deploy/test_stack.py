"""The whole stack, with services that do nothing but answer."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import ROOT
from deploy.local.processes import MARK_SUFFIX, Mark
from tests.deploy.support import eventually

SERVICE = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
if sys.argv[1] == "serve":
    address = os.environ["CPRO_HTTP_HOST"], int(os.environ["CPRO_HTTP_PORT"])
    HTTPServer(address, Answer).serve_forever()
"""
HOLDER = """
import signal, sys
from pathlib import Path
from deploy.local.processes import stopping_on_signals
from deploy.local.stack import running_stack
with stopping_on_signals():
    names = ["first", "second"]
    with running_stack(Path(sys.argv[1]), package="idle", services=names):
        print("ready", flush=True)
        signal.pause()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a stack of two idle services."""
    for name in ("first", "second"):
        (tmp_path / "idle" / name).mkdir(parents=True)
        (tmp_path / "idle" / name / "__main__.py").write_text(SERVICE)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "data")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def marks(folder: Path) -> dict[str, Mark]:
    """Every process of the stack by the name of its log."""
    files = folder.rglob(f"*{MARK_SUFFIX}")
    return {file.stem: Mark(**json.loads(file.read_text())) for file in files}


def test_a_service_that_dies_is_replaced_and_nothing_outlives_a_killed_supervisor(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    before = marks(tmp_path)["first-serve"]
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: marks(tmp_path)["first-serve"] != before, "another « first » to start")
    running = {name: mark for name, mark in marks(tmp_path).items() if mark.runs}
    assert {"first-serve", "second-serve"} <= running.keys()
    holder.kill()
    eventually(lambda: not any(mark.runs for mark in running.values()), f"the end of {running}")
