"""kill -9 before, during and after the sending of a mail: nobody is left without it, and a second
copy, with the same Message-ID, comes only where the server's answer was not written down.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.client import Sign, eventually
from services.notifier.__main__ import service
from shared.database import Database
from shared.service import Service
from tests.integration.notifier.support import AYMERICK, Ledger, many, publish, toggled
from tests.support.mail import MailServer, mail_server
from tests.support.processes import Processes

SMTP_SECONDS = 0.6
CONNECTIONS = 4


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as started:
        yield started


@pytest.fixture
async def notifier(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    tmp_path: Path,
    server: MailServer,
) -> AsyncIterator[Processes]:
    """Where `notifier` will run; its attempts are short, so that claims end soon."""
    settings = {
        "CPRO_SMTP_HOST": "127.0.0.1",
        "CPRO_SMTP_PORT": str(server.port),
        "CPRO_SMTP_SECURITY": "none",
        "CPRO_SMTP_SECONDS": str(SMTP_SECONDS),
        "CPRO_SMTP_CONNECTIONS": str(CONNECTIONS),
    }
    urls = {"notifier": await new_database(service)}
    started = Processes(urls, vhost, keys, sign, tmp_path, settings)
    try:
        yield started
    finally:
        for process in started.running.values():
            with suppress(ProcessLookupError):  # it has killed itself
                process.kill()
            await process.wait()


@pytest.fixture
async def ledger(notifier: Processes, server: MailServer) -> AsyncIterator[Ledger]:
    base = await Database.open(notifier.database_urls["notifier"], 4)
    yield Ledger(base, server)
    await base.close()


async def kill(notifier: Processes) -> None:
    process = notifier.running.pop("notifier")
    process.kill()
    await process.wait()


async def received(server: MailServer, number: int) -> None:
    async def there() -> bool:
        return len(server.copies) >= number

    await eventually(there, f"{number} mails")


async def test_killed_between_commit_and_acknowledgement_the_event_makes_one_mail(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    server.gate.clear()
    await notifier.start("notifier", dies="between-commit-and-ack")
    await publish(notifier.amqp_url, toggled(AYMERICK))
    await notifier.killed("notifier")
    server.copies.clear()
    server.gate.set()
    await notifier.start("notifier")
    await ledger.all_sent()
    assert [mail["address"] for mail in await ledger.mails()] == [AYMERICK.email]
    assert len(set(server.ids())) == 1


async def test_killed_before_sending_the_mail_is_sent_once_by_the_next_process(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    await notifier.start("notifier", dies="between-claim-and-sending")
    await ledger.take(toggled(AYMERICK))
    await notifier.killed("notifier")
    assert await ledger.states() == ["sending"]
    await notifier.start("notifier")
    await ledger.all_sent()
    assert len(server.copies) == 1


async def test_killed_before_the_answer_to_data_a_second_copy_has_the_same_message_id(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    server.gate.clear()
    await ledger.take(toggled(AYMERICK))
    await notifier.start("notifier")
    await received(server, 1)
    await kill(notifier)
    server.gate.set()
    await notifier.start("notifier")
    await ledger.all_sent()
    first, second = server.copies
    assert first.content == second.content


async def test_killed_before_the_answer_is_written_a_second_copy_has_the_same_message_id(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    await notifier.start("notifier", dies="between-answer-and-writing")
    await ledger.take(toggled(AYMERICK))
    await notifier.killed("notifier")
    await notifier.start("notifier")
    await ledger.all_sent()
    first, second = server.ids()
    assert first == second


async def test_killed_after_sending_there_is_no_second_copy(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(toggled(AYMERICK))
    await notifier.start("notifier")
    await ledger.all_sent()
    await kill(notifier)
    await notifier.start("notifier")
    await ledger.take(*many(5))
    await ledger.all_sent()
    assert len(server.copies) == 6


async def test_killed_again_and_again_every_mail_arrives_and_few_twice(
    notifier: Processes, ledger: Ledger, server: MailServer
) -> None:
    """As many copies too many, at the most, as there were connections when it was killed: none of
    them begins a mail before the answer to the last one is written.
    """
    kills, mails = 2, 400
    await ledger.take(*many(mails))
    for number in range(1, kills + 1):
        await notifier.start("notifier")
        await received(server, 100 * number)
        await kill(notifier)
    await notifier.start("notifier")
    await ledger.all_sent()
    copies = Counter(server.ids())
    assert len(copies) == mails
    assert sum(copies.values()) <= mails + kills * CONNECTIONS
