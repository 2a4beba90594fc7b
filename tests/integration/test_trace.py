"""One trace tells what an upload has set going, in all services, to the mail that tells of it."""

import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan

from deploy.local.client import Sign, eventually
from services.notifier.__main__ import service as notifier
from services.notifier.rounds import tell_closed
from shared.database import Database
from shared.events import SchoolUpdated
from shared.identifiers import Uai
from shared.service import Service
from tests.integration.notifier.support import publish
from tests.integration.test_story import SAMPLES, A, B, start
from tests.support.mail import mail_server
from tests.support.system import CHAIN, TODAY, running
from tests.support.traces import recorded

UPLOAD = "POST /schools/{uai}/imports"
TOMORROW = dt.datetime.combine(TODAY, dt.time(7), dt.UTC) + dt.timedelta(days=1)


async def test_one_trace_goes_from_the_upload_to_the_mail_that_tells_of_it(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> None:
    exporter = recorded()
    services = [*CHAIN, notifier]
    urls = {one.name: await new_database(one) for one in services}
    async with mail_server() as server:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
        async with (
            running(services, urls, vhost, keys, sign, {"notifier": mail}) as system,
            system.school(A) as a,
            system.school(B) as b,
        ):
            known = SchoolUpdated(
                uai=Uai(B), version=1, name="CFA Curie", email="ce.b@ac-demo.example"
            )
            await publish(vhost, known)
            await start(a, b)
            await a.switch(active=True)
            await b.switch(active=True)
            await a.import_file(SAMPLES / "A_import2_absent.xml")
            arrived = await b.import_file(SAMPLES / "B_import2_arrive.xml")
            await b.closed_transfer()
            await _digest(urls["notifier"])

            async def sent() -> list[ReadableSpan]:
                spans = exporter.get_finished_spans()
                return [one for one in spans if one.name == "send"]

            [sending] = await eventually(sent, "the mail to be sent")
        assert [copy.recipient for copy in server.copies] == ["ce.b@ac-demo.example"]
    of_mail = [
        one
        for one in exporter.get_finished_spans()
        if one.context.trace_id == sending.context.trace_id
    ]
    names = Counter(one.name for one in of_mail)
    assert names[UPLOAD] == 1
    # Presences and decision, the records, the transfer closed, both learners marked, the digest.
    assert names["handle"] >= 5
    steps = [one.attributes or {} for one in of_mail if one.name == "import"]
    assert [one["cpro.import"] for one in steps] == [arrived["id"]] * 2, "read, then applied"


async def _digest(ledger_url: str) -> None:
    """Have the closed transfer told, as on the next morning."""
    ledger = await Database.open(ledger_url, 2)

    async def counted() -> bool:
        return bool(await ledger.pool.fetchval("SELECT count(*) = 2 FROM digest_entry"))

    await eventually(counted, "both sides of the transfer to be counted")
    assert await tell_closed(ledger, TOMORROW) == 1
    await ledger.close()
