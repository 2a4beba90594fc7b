"""One trace tells what an import has set going, in all services."""

from collections import Counter
from uuid import UUID

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.local.client import eventually
from tests.integration.test_story import SAMPLES, A, B, start
from tests.support.system import System


def recorded() -> InMemorySpanExporter:
    """What is traced from now on; one provider serves a whole process."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def test_the_trace_of_an_import_goes_on_to_the_end_of_its_transfer(system: System) -> None:
    exporter = recorded()
    async with system.school(A) as a, system.school(B) as b:
        await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        arrived = await b.import_file(SAMPLES / "B_import2_arrive.xml")
        await b.closed_transfer()

    async def whole() -> Counter[str] | None:
        spans = exporter.get_finished_spans()
        of_import = [s for s in spans if s.context.trace_id == UUID(arrived["id"]).int]
        names = Counter(span.name for span in of_import)
        # Presences and decision, the records, the transfer closed, both learners marked.
        return names if names["handle"] >= 4 else None

    names = await eventually(whole, "transfer, dossier, transfer and siecle_import in the trace")
    assert names["import"] == 2, "read, then applied"
