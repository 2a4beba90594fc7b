"""Servers that answer as none should: what says nothing of a mail counts against none, what comes
once a mail has begun counts against that mail alone, and nothing is sent for ever.
"""

import pytest

from deploy.local.client import eventually
from tests.integration.notifier.support import AYMERICK, Ledger, many, toggled
from tests.support.mail import MailServer
from tests.support.rough_mail import CUT, END_OF_DATA, GREETING, RoughServer, rough_server

UNREADABLE = (b"whatever\r\n", b"\xff\xfe\r\n", b"999 what\r\n", b"250 " + b"x" * 50_000 + b"\r\n")


async def reached(ledger: Ledger, rough: RoughServer, *states: str, **more: float) -> None:
    """Send to the rough server until these are the states of all mails."""
    async with ledger.sending(smtp_port=rough.port, smtp_connections=1, **more):
        await ledger.come_to(*states)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (GREETING, CUT),
        ("EHLO", CUT),
        ("EHLO", b"what\r\n"),
        ("MAIL", CUT),
        ("MAIL", UNREADABLE[-1]),
    ],
)
async def test_before_a_mail_is_begun_no_attempt_is_counted(
    ledger: Ledger, command: str, answer: bytes
) -> None:
    await ledger.take(toggled(AYMERICK))
    async with rough_server() as rough:
        rough.answers[command].append(answer)
        await reached(ledger, rough, "sent")
    assert (await ledger.mail(AYMERICK.email))["attempts"] == 1
    assert len(rough.received) == 1


async def test_once_a_mail_is_begun_its_attempt_is_counted_and_it_waits(ledger: Ledger) -> None:
    """Else a mail that a server can't answer would be sent anew each minute, for ever."""
    answers = (CUT, *UNREADABLE, b"421 closing\r\n")
    commands = ("RCPT", "DATA", END_OF_DATA)
    number = len(answers) * len(commands)
    await ledger.take(*many(number))
    async with rough_server() as rough:
        for command in commands:
            rough.answers[command].extend(answers)
        await reached(ledger, rough, *["deferred"] * number)
        for mail in await ledger.mails():
            assert (mail["attempts"], mail["reason"]) == (1, None)
            assert len(mail["answer"]) < 100, "what is unreadable is not kept"
        assert len(rough.received) == len(answers)
        await ledger.time_passes(minutes=10)
        await reached(ledger, rough, *["sent"] * number)
    assert len(rough.received) == len(answers) + number
    assert len(set(rough.received)) == number, "a second copy is the same"


async def test_a_server_that_closes_is_left_alone_and_the_others_wait(ledger: Ledger) -> None:
    await ledger.take(*many(20))
    async with rough_server() as rough:
        rough.answers["RCPT"].append(b"421 4.3.2 shutting down\r\n")
        async with ledger.sending(smtp_port=rough.port, smtp_connections=4):

            async def ended() -> bool:
                return sorted(await ledger.states()) == ["deferred", *["sent"] * 19]

            await eventually(ended, "the others to be sent")
        assert {mail["attempts"] for mail in await ledger.mails()} == {1}


@pytest.mark.parametrize(
    "answer", [b"250\r\n", b"250 \xff\xfe\x00\r\n", b"250-a\r\n250-b\r\n250 c\r\n"]
)
async def test_an_acceptance_of_any_words_is_one(ledger: Ledger, answer: bytes) -> None:
    await ledger.take(toggled(AYMERICK))
    async with rough_server() as rough:
        rough.answers[END_OF_DATA].append(answer)
        await reached(ledger, rough, "sent")
    assert len(rough.received) == 1


async def test_a_server_that_drips_holds_up_nothing_beyond_its_bound(ledger: Ledger) -> None:
    await ledger.take(toggled(AYMERICK))
    async with rough_server() as rough:
        rough.drip["MAIL"] = 0.4
        async with ledger.sending(smtp_port=rough.port, smtp_seconds=0.5) as sender:

            async def given_up() -> bool:
                return sender.failures >= 1

            await eventually(given_up, "the server to be found unusable")
            assert (await ledger.mail(AYMERICK.email))["attempts"] == 0
            rough.drip.clear()
            await ledger.come_to("sent")


async def test_an_answer_to_data_that_drips_for_ever_is_none(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(toggled(AYMERICK))
    async with rough_server() as rough:
        rough.drip[END_OF_DATA] = 0.4
        await reached(ledger, rough, "deferred", smtp_seconds=0.5)
    mail = await ledger.mail(AYMERICK.email)
    assert "sans réponse" in mail["answer"]
    await ledger.time_passes(minutes=10)
    async with ledger.sending():
        await ledger.come_to("sent")
    [copy] = server.copies
    assert copy.id.encode() in rough.received[0]
