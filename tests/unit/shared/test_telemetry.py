"""Logs tell what failed and where, never the values that it failed on; traces cross the outbox."""

import datetime as dt
import json
import subprocess
import sys
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.envelope import encode
from shared.events import TransferWithdrawn
from shared.telemetry import current_traceparent, span_of

NOW = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)
SCRIPT = """
import asyncio, gc, logging, structlog
from shared import telemetry
telemetry.configure("test", readable=False)
try:
    raise ValueError("Key (ine)=(990324679CC) already exists")
except ValueError:
    structlog.get_logger().error("ours", exc_info=True)
    logging.getLogger("library").exception("theirs")

async def forgotten():
    async def fails():
        raise ValueError("Key (ine)=(990324679CC) already exists")
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    del task
    gc.collect()

asyncio.run(forgotten())
"""


def test_logs_hold_the_class_and_place_of_an_error_but_not_its_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    ours = json.loads(done.stdout)
    assert (ours["service"], ours["event"], ours["level"]) == ("test", "ours", "error")
    assert "ValueError at <string>:6" in ours["error"]
    assert "theirs" in done.stderr
    assert "ValueError at <string>:6" in done.stderr
    assert "Task exception was never retrieved" in done.stderr
    assert "990324679CC" not in done.stdout + done.stderr


def test_a_trace_goes_on_from_the_request_to_the_listener() -> None:
    trace.set_tracer_provider(TracerProvider())
    with trace.get_tracer("test").start_as_current_span("request") as request:
        parent = current_traceparent()
    _, text = encode(TransferWithdrawn(transfer_id=uuid4()), parent, NOW)
    with span_of("handle", [json.loads(text)["traceparent"]]):
        handling = trace.get_current_span().get_span_context()
    assert handling.trace_id == request.get_span_context().trace_id


def test_a_batch_of_several_traces_is_linked_to_each() -> None:
    parents = [f"00-{i:032x}-{i:016x}-01" for i in (1, 2)]
    with span_of("handle", [*parents, None]):
        span = trace.get_current_span()
        links = {link.context.trace_id for link in span.links}  # type: ignore[attr-defined]
    assert links == {1, 2}
