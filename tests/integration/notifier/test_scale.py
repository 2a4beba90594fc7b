"""Ten thousand changes, three replicas as processes of their own: each mail goes once."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.local.client import Sign
from services.notifier.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.integration.notifier.support import Ledger, many
from tests.support.mail import MailServer
from tests.support.processes import processes

MAILS = 10_000
REPLICAS = 3


@pytest.mark.long
async def test_three_replicas_drain_ten_thousand_mails_and_none_goes_twice(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    tmp_path: Path,
    server: MailServer,
) -> None:
    urls = {"notifier": await new_database(service)}
    base = await Database.open(urls["notifier"], 2)
    ledger = Ledger(base, server)
    events = list(many(MAILS))
    for first in range(0, MAILS, 500):
        await ledger.take(*events[first : first + 500])
    settings = {
        "CPRO_SMTP_HOST": "127.0.0.1",
        "CPRO_SMTP_PORT": str(server.port),
        "CPRO_SMTP_SECURITY": "none",
    }
    async with AsyncExitStack() as stack:
        stack.push_async_callback(base.close)
        for number in range(REPLICAS):
            log = tmp_path / str(number)
            log.mkdir()
            await stack.enter_async_context(processes(urls, vhost, keys, sign, log, settings))
        await ledger.all_sent(seconds=300)
    assert len(set(server.ids())) == len(server.copies) == MAILS
