"""Each change mails each referent: once, whatever the server says or does not say."""

import asyncio
import datetime as dt

import pytest

from deploy.local.client import eventually
from tests.integration.notifier.support import (
    AYMERICK,
    JANUARY,
    VALERY,
    Ledger,
    many,
    school,
    toggled,
)
from tests.support.mail import MailServer

TOLD = (
    "Mme Martin, proviseure", "mardi 20 janvier 2026 à 14 h 06", "Lille", "9990001X", "ouvert",
    "https://cpro.example/console", "enregistrées",
)  # fmt: skip


async def test_each_referent_is_told_who_opened_what_and_when(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(school(), toggled(AYMERICK, VALERY))
    async with ledger.sending():
        await ledger.all_sent()
    assert sorted(copy.recipient for copy in server.copies) == [AYMERICK.email, VALERY.email]
    mail = next(c.mail for c in server.copies if c.recipient == AYMERICK.email)
    assert mail["Subject"] == (
        "[CPro éducation] Lycée Émile-Zola X : accès ouvert – 2de famille de métiers des "
        "Transitions numérique et énergétique"
    )
    assert mail["To"] == "Aymerick Dupré <aymerick@ac-lille.example>"
    assert mail["From"] == "CPro éducation <ne-pas-repondre@cpro.example>"
    assert mail["Reply-To"] == "Lycée Émile-Zola X <ce.9990001x@ac-lille.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime is not None
    for form in ("plain", "html"):
        body = mail.get_body((form,))
        assert body is not None
        text = body.get_content()
        for told in TOLD:
            assert told in text, (form, told)


async def test_the_same_event_told_twice_makes_one_mail(ledger: Ledger) -> None:
    await ledger.take(toggled(AYMERICK))
    await ledger.take(toggled(AYMERICK, VALERY, AYMERICK))
    assert [m["address"] for m in await ledger.mails()] == [AYMERICK.email, VALERY.email]


async def test_a_mail_overtaken_by_a_newer_change_is_suppressed_in_any_order(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(toggled(AYMERICK, VALERY, version=1))
    await ledger.take(toggled(AYMERICK, version=3, active=False))
    await ledger.take(toggled(AYMERICK, version=2))
    await ledger.take(toggled(AYMERICK, version=1, diploma="other"))
    found = [(m["address"], m["version"], m["state"], m["reason"]) for m in await ledger.mails()]
    assert sorted(found, key=str) == sorted(
        [
            (AYMERICK.email, 1, "suppressed", "overtaken"),
            (VALERY.email, 1, "queued", None),
            (AYMERICK.email, 3, "queued", None),
            (AYMERICK.email, 2, "suppressed", "overtaken"),
            (AYMERICK.email, 1, "queued", None),
        ],
        key=str,
    )
    async with ledger.sending():
        await eventually(lambda: _count(server, 3), "three mails")
    assert await ledger.states() == ["sent" if m[2] == "queued" else m[2] for m in found]


async def _count(server: MailServer, number: int) -> bool:
    return len(server.copies) == number


async def test_what_is_told_last_arrives_last(ledger: Ledger, server: MailServer) -> None:
    """A second switch while the server still thinks about the mail of the first one."""
    server.gate.clear()
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await eventually(lambda: _count(server, 1), "the first mail")
        await ledger.take(toggled(AYMERICK, version=2, active=False))
        await ledger.take(toggled(VALERY, diploma="other"))
        await eventually(lambda: _count(server, 2), "a mail of others")
        assert await ledger.states() == ["sending", "queued", "sending"]
        server.gate.set()
        await ledger.all_sent()
    subjects = [c.mail["Subject"] for c in server.copies if c.recipient == AYMERICK.email]
    assert ["ouvert" in subject for subject in subjects] == [True, False]


async def test_after_a_restore_of_its_owner_a_change_of_a_lower_number_is_told(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(toggled(AYMERICK, version=5))
    async with ledger.sending():
        await ledger.come_to("sent")
        later = JANUARY + dt.timedelta(days=1)
        await ledger.take(toggled(AYMERICK, version=2, active=False, at=later))
        await ledger.come_to("sent", "sent")
    assert len(server.copies) == 2


async def test_a_deferred_mail_is_overtaken_too(ledger: Ledger, server: MailServer) -> None:
    server.at_rcpt[AYMERICK.email].append("451 4.7.1 try later")
    await ledger.take(toggled(AYMERICK, version=1))
    async with ledger.sending():
        await ledger.come_to("deferred")
        await ledger.take(toggled(AYMERICK, version=2, active=False))
        await ledger.come_to("suppressed", "sent")
    assert len(server.copies) == 1


async def test_a_greylisted_mail_is_tried_again_later_and_later(
    ledger: Ledger, server: MailServer
) -> None:
    server.at_rcpt[AYMERICK.email].extend(["451 4.7.1 greylisted", "450 4.2.0 greylisted"])
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        waits = []
        for attempt in (1, 2):

            async def tried(attempt: int = attempt) -> bool:
                return bool((await ledger.mail(AYMERICK.email))["attempts"] == attempt)

            await eventually(tried, "an attempt")
            mail = await ledger.mail(AYMERICK.email)
            assert (mail["state"], mail["answer"][:2]) == ("deferred", "45")
            async with ledger.base.connection() as connection:
                waits.append(await connection.fetchval("SELECT next_try - now() FROM mail"))
            await ledger.time_passes(minutes=10)
        await ledger.come_to("sent")
    assert 40 < waits[0].total_seconds() < 80 < waits[1].total_seconds() < 160
    assert [state for state, _ in await ledger.history(mail["id"])] == [
        "deferred",
        "deferred",
        "sent",
    ]
    assert len(server.copies) == 1


async def test_a_mail_is_given_up_after_two_days(ledger: Ledger, server: MailServer) -> None:
    server.at_rcpt[AYMERICK.email].extend(["451 4.7.1 try later"] * 2)
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await ledger.come_to("deferred")
        await ledger.time_passes(days=2)
        await ledger.come_to("failed")
    mail = await ledger.mail(AYMERICK.email)
    assert (mail["reason"], mail["answer"]) == ("expired", "451 4.7.1 try later")


@pytest.mark.parametrize("at", ["at_rcpt", "at_data"])
async def test_a_refusal_is_final_and_its_answer_is_kept(
    ledger: Ledger, server: MailServer, at: str
) -> None:
    getattr(server, at)[AYMERICK.email].append("550 5.1.1 no such user")
    await ledger.take(toggled(AYMERICK, VALERY))
    async with ledger.sending(smtp_connections=1):
        await eventually(lambda: _count(server, 1), "the other mail")

        async def ended() -> bool:
            return sorted(await ledger.states()) == ["failed", "sent"]

        await eventually(ended, "both to end")
    mail = await ledger.mail(AYMERICK.email)
    assert (mail["reason"], mail["answer"]) == ("refused", "550 5.1.1 no such user")
    assert (await ledger.mail(VALERY.email))["state"] == "sent"
    assert server.greeted == 1, "the connection is used again after a refusal"


async def test_a_cut_within_data_is_tried_again_and_arrives_once(
    ledger: Ledger, server: MailServer
) -> None:
    server.at_rcpt[AYMERICK.email].append("drop")
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await ledger.come_to("deferred")
        assert server.copies == []
        await ledger.time_passes(minutes=10)
        await ledger.come_to("sent")
    assert len(server.copies) == 1


async def test_without_an_answer_to_data_a_second_copy_has_the_same_message_id(
    ledger: Ledger, server: MailServer
) -> None:
    server.at_data[AYMERICK.email].append("drop")
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await ledger.come_to("deferred")
        await ledger.time_passes(minutes=10)
        await ledger.come_to("sent")
    first, second = server.copies
    assert first.id == second.id == f"<{(await ledger.mail(AYMERICK.email))['id']}@cpro.example>"
    assert first.content == second.content


async def test_a_server_that_does_not_answer_holds_one_mail_up_and_not_the_others(
    ledger: Ledger, server: MailServer
) -> None:
    server.at_rcpt[AYMERICK.email].append("hang")
    await ledger.take(toggled(AYMERICK), *many(20))
    async with ledger.sending(smtp_seconds=1) as sender:
        await eventually(lambda: _count(server, 20), "the others")
        assert sender.failures == 0, "one mail's trouble is no outage"

        async def given_up_for_now() -> bool:
            return bool((await ledger.mail(AYMERICK.email))["state"] == "deferred")

        await eventually(given_up_for_now, "the mail to be deferred")


async def test_while_the_server_is_away_no_attempt_is_counted_and_all_arrive_once_it_is_back(
    ledger: Ledger, server: MailServer
) -> None:
    await server.stop()
    await ledger.take(*many(50))
    async with ledger.sending() as sender:

        async def away() -> bool:
            return sender.failures >= 2

        await eventually(away, "the server to be found away")
        assert {mail["attempts"] for mail in await ledger.mails()} == {0}
        await server.start()
        await ledger.all_sent()
    assert len(set(server.ids())) == len(server.copies) == 50


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "530 5.7.0 log in", "550 5.7.1 not you"])
async def test_a_refusal_of_the_sender_is_an_outage_and_no_mails_fault(
    ledger: Ledger, server: MailServer, answer: str
) -> None:
    server.at_mail.append(answer)
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await ledger.come_to("sent")
    assert (await ledger.mail(AYMERICK.email))["attempts"] == 1


async def test_a_connection_that_the_server_has_left_is_opened_anew(
    ledger: Ledger, server: MailServer
) -> None:
    async with ledger.sending(smtp_connections=1) as sender:
        await ledger.take(toggled(AYMERICK))
        await ledger.come_to("sent")
        for transport in list(server.connections):
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        await ledger.take(toggled(VALERY))
        await ledger.come_to("sent", "sent")
        assert sender.failures == 0
    assert server.greeted == 2


async def test_nothing_is_sent_to_a_suppressed_address(ledger: Ledger, server: MailServer) -> None:
    await ledger.execute(
        "INSERT INTO suppression (address, reason, by_whom) VALUES (lower($1), 'bounces', 'x')",
        AYMERICK.email,
    )
    shouted = AYMERICK.model_copy(update={"email": AYMERICK.email.upper()})
    await ledger.take(toggled(shouted, VALERY))
    async with ledger.sending():
        await eventually(lambda: _count(server, 1), "the other mail")
    assert (await ledger.mail(shouted.email))["reason"] == "listed"


@pytest.mark.parametrize(
    ("address", "utf8", "state", "reason"),
    [
        ("élise@ac-lille.example", True, "sent", None),
        ("élise@ac-lille.example", False, "failed", "not-supported"),
        ("nobody", True, "failed", "bad-address"),
        ("a@b.example\r\nBcc: c@d.example", True, "failed", "bad-address"),
        ("a@b.example> SIZE=1", True, "failed", "bad-address"),
    ],
)
async def test_an_address_is_sent_to_or_failed_with_its_reason(
    ledger: Ledger, server: MailServer, address: str, utf8: bool, state: str, reason: str | None
) -> None:
    if not utf8:
        await server.stop()
        await server.start(utf8=False)
    to = AYMERICK.model_copy(update={"email": address})
    await ledger.take(toggled(to))
    async with ledger.sending():
        await ledger.come_to(state)
    [mail] = await ledger.mails()
    assert mail["reason"] == reason, mail["answer"]
    assert [copy.recipient for copy in server.copies] == ([address] if state == "sent" else [])


async def test_three_senders_drain_together_and_no_mail_goes_twice(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(*many(600))
    async with ledger.sending(), ledger.sending(), ledger.sending():
        await ledger.all_sent()
    assert len(set(server.ids())) == len(server.copies) == 600


async def test_a_stopped_sender_gives_back_what_it_has_not_begun(
    ledger: Ledger, server: MailServer
) -> None:
    server.gate.clear()
    await ledger.take(*many(100))
    async with ledger.sending(smtp_connections=2):
        await eventually(lambda: _count(server, 2), "two under way")
        asyncio.get_running_loop().call_later(0.3, server.gate.set)
    states = await ledger.states()
    assert set(states) == {"sent", "queued"}
    assert states.count("sent") == len(server.copies)


async def test_what_a_dead_sender_had_claimed_is_sent_when_its_lease_is_over(
    ledger: Ledger, server: MailServer
) -> None:
    await ledger.take(toggled(AYMERICK))
    await ledger.execute(
        "UPDATE mail SET state = 'sending', next_try = now() + interval '1 second'"
    )
    async with ledger.sending():
        await ledger.come_to("sent")
    assert len(server.copies) == 1
