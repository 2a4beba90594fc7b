"""Logs, metrics and traces. None of them may hold a learner's name, birth date or INE."""

import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, WrappedLogger

PUBLISHED = Counter("cpro_events_published", "Events that the broker confirmed", ["type"])
PUBLISH_FAILURES = Counter("cpro_publish_failures", "Messages not confirmed, to be sent again")
OUTBOX_AGE = Gauge("cpro_outbox_oldest_seconds", "Age of the oldest event not published yet")
DATABASE_UP = Gauge("cpro_database_up", "0 when `/health/ready` last found no database")
BATCH_SECONDS = Histogram("cpro_batch_seconds", "Time of a batch, from its first row to its commit")
BATCH_EVENTS = Histogram(
    "cpro_batch_events", "Events in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
PARKED = Counter("cpro_events_parked", "Events put aside because handling them failed")
PARKED_NOW = Gauge("cpro_parked_events", "Events put aside and not handled yet", ["state"])
PARKED_OLDEST = Gauge("cpro_parked_oldest_seconds", "Since when the oldest of them is there")
BROKER_CONNECTED = Gauge("cpro_broker_connected", "1 while connected to the broker", ["role"])

tracer = trace.get_tracer("cpro")


def tell_parked(figures: Mapping[str, float]) -> None:
    """Tell of parked events: how many there are by state, and the age of the oldest (`oldest`)."""
    for name, value in figures.items():
        (PARKED_OLDEST if name == "oldest" else PARKED_NOW.labels(name)).set(value)


def _add_trace(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = format(context.trace_id, "032x")
    return entry


def _told(error: BaseException) -> str:
    """An error's class and where it came from, without its message: databases and validators repeat
    there the values that they refused, and those may be a learner's.
    """
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = (f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {', '.join(places)}"


def _error_without_values(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    if entry.pop("exc_info", None) and (error := sys.exception()) is not None:
        entry["error"] = _told(error)
    return entry


class _Formatter(logging.Formatter):
    """The same for what libraries log; of a message its first line: asyncio shows errors below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as below
        return super().formatMessage(record).partition("\n")[0]

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that logging calls
        return _told(ei[1])


def configure(service: str, *, readable: bool) -> None:
    """Set up logs (JSON, or readable on a developer's machine) and, if wanted, traces.

    Traces are exported when OpenTelemetry's own `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            _error_without_values,
            structlog.dev.ConsoleRenderer(colors=False)
            if readable
            else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    provider = TracerProvider(resource=Resource.create({"service.name": f"cpro-{service}"}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def trace_headers() -> dict[str, str]:
    """The W3C trace context to send with a call, so that its trace goes on where it is answered."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def current_traceparent() -> str | None:
    """The same, to keep with an event or other work that somebody takes up later."""
    return trace_headers().get("traceparent")


@contextmanager
def span_of(name: str, traceparents: Iterable[str | None]) -> Iterator[Span]:
    """The span of work that was kept: within the trace of what it is about if all of it shares one,
    else linked to each. (Those of requests are made by the framework.)
    """
    told = [propagate.extract({"traceparent": one}) for one in set(traceparents) if one]
    traces = {trace.get_current_span(one).get_span_context().trace_id: one for one in told}
    alone = next(iter(traces.values())) if len(traces) == 1 else None
    links = [Link(trace.get_current_span(one).get_span_context()) for one in traces.values()]
    with tracer.start_as_current_span(
        name,
        context=alone,
        kind=SpanKind.CONSUMER,
        links=() if alone else links,
        record_exception=False,  # its message may hold values
        set_status_on_exception=False,
    ) as span:
        yield span
