"""What schools and operators see of the mails, and what operators do about them."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.local.client import Json, Sign, eventually
from services.notifier import metrics
from services.notifier.__main__ import app, service
from services.notifier.retention import forget
from services.notifier.rounds import tell_closed
from tests.integration.notifier.support import (
    AYMERICK,
    VALERY,
    Ledger,
    closed,
    many,
    offered,
    publish,
    school,
    toggled,
)
from tests.support.mail import MailServer
from tests.support.pupils import A, B
from tests.support.system import System, running

MONDAY = dt.datetime(2026, 1, 19, 9, tzinfo=dt.UTC)


@pytest.fixture
async def system(
    database_url: str, vhost: str, keys: Path, sign: Sign, server: MailServer
) -> AsyncIterator[System]:
    """The service, running."""
    more = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    urls = {"notifier": database_url}
    async with running([service], urls, vhost, keys, sign, {"notifier": more}) as started:
        yield started


async def listed(
    system: System, role: str = "direction", uai: str = A, **asked: str | int
) -> httpx.Response:
    token = system.sign({"sub": "x", "schools": {A: [role]}})
    url = f"{system.urls['notifier']}/schools/{uai}/mails"
    async with httpx.AsyncClient() as http:
        return await http.get(url, params=asked, headers={"Authorization": f"Bearer {token}"})


async def mails(system: System, **asked: str | int) -> list[Json]:
    answer = await listed(system, **asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["mails"]
    return found


async def test_an_event_becomes_a_mail_that_the_school_sees_failed_ones_first(
    system: System, ledger: Ledger, server: MailServer
) -> None:
    server.at_rcpt[VALERY.email].append(f"550 5.1.1 <{VALERY.email.upper()}> is unknown")
    await publish(system.amqp_url, school(), toggled(VALERY))

    async def failed() -> bool:
        return await ledger.states() == ["failed"]

    await eventually(failed, "the refusal")
    others = [toggled(AYMERICK, diploma=f"D{n}") for n in range(4)]
    await publish(system.amqp_url, *others, offered(origin_uai=B, destination_uai=B))

    async def sent() -> bool:
        return (await ledger.states()).count("sent") == 4

    await eventually(sent, "the others")
    first, *rest = await mails(system)
    assert (first["state"], first["reason"]) == ("failed", "refused")
    assert (first["answer"], first["recipient"]) == ("550 5.1.1 <…> is unknown", VALERY.name)
    assert [mail["state"] for mail in rest] == ["sent"] * 4
    assert "address" not in first
    pages, after = [], None
    while True:
        page = (await listed(system, limit=2, **({"after": after} if after else {}))).json()
        pages += [mail["id"] for mail in page["mails"]]
        after = page["next"]
        if after is None:
            break
    assert pages == [first["id"], *(mail["id"] for mail in rest)]
    assert await mails(system, state="failed") == [first]
    assert await mails(system, state="sent", limit=50) == rest
    assert await mails(system, state="queued") == []
    assert {mail["recipient"] for mail in await mails(system, role="admin-national")} == {None}
    for refused in ({"uai": B}, {"role": "inspecteur"}):
        assert (await listed(system, **refused)).status_code == 403
    for wrong in ({"after": "x"}, {"limit": 0}, {"state": "lost"}):
        assert (await listed(system, **wrong)).status_code == 422
    await metrics.refresh(ledger.base)
    async with httpx.AsyncClient() as http:
        told = (await http.get(f"{system.urls['notifier']}/metrics")).text
    assert 'cpro_mails{state="sent"} 4.0' in told
    assert 'cpro_mails{state="failed"} 1.0' in told
    assert "cpro_mail_server_up 1.0" in told
    assert 'cpro_mail_refusals_total{domain="ac-lille.example"}' in told


async def test_a_training_system_sends_nothing(
    database_url: str, vhost: str, keys: Path, sign: Sign, ledger: Ledger, server: MailServer
) -> None:
    more = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "training": True}
    await ledger.take(*many(3))
    metrics.SERVER_UP.set(0)  # as in a new process
    async with running(
        [service], {"notifier": database_url}, vhost, keys, sign, {"notifier": more}
    ):
        await ledger.come_to(*["suppressed"] * 3)
    assert {mail["reason"] for mail in await ledger.mails()} == {"training"}
    assert server.greeted == 0
    assert REGISTRY.get_sample_value("cpro_mail_server_up") == 1, "nobody is woken for a trial"


@pytest.fixture
def environment(database_url: str) -> Mapping[str, str]:
    return {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_DATABASE_URL": database_url,
        "CPRO_AMQP_URL": "amqp://nowhere",
    }


async def test_operators_send_again_what_failed_and_stop_addresses(
    ledger: Ledger, server: MailServer, environment: Mapping[str, str]
) -> None:
    async def operate(*arguments: str) -> tuple[int, str]:
        given = [*arguments, "--by", "M. Ops"]
        ran = await asyncio.to_thread(CliRunner().invoke, app, given, env=environment)
        return ran.exit_code, ran.output

    server.at_rcpt[AYMERICK.email].extend(["550 no"])
    await ledger.take(toggled(AYMERICK))
    async with ledger.sending():
        await ledger.come_to("failed")
        [failed] = await ledger.mails()
        assert (await operate("resend", "--failed"))[0] == 1, "since when is asked for"
        assert (await operate("resend", "--failed", "--since", "2999-01-01"))[0] == 1
        status, said = await operate("resend", str(failed["id"]))
        assert (status, "attente : 1" in said) == (0, True), said
        await ledger.come_to("sent")
        assert (await operate("resend", str(failed["id"])))[0] == 1, "it is sent: never twice"
    assert len(server.copies) == 1
    await ledger.take(toggled(VALERY))
    status, said = await operate("suppress", VALERY.email.upper(), "--reason", "rejets")
    assert (status, "arrêtés : 1" in said) == (0, True), said
    assert (await operate("suppress", "personne"))[0] == 1
    assert await ledger.states() == ["sent", "suppressed"]
    assert (await operate("suppress", VALERY.email, "--lift"))[0] == 0
    assert (await operate("resend", str((await ledger.mail(VALERY.email))["id"])))[0] == 0
    assert await ledger.states() == ["sent", "queued"]
    async with ledger.base.connection() as connection:
        trail = await connection.fetch(
            "SELECT state, by_whom FROM mail_history WHERE by_whom IS NOT NULL ORDER BY id"
        )
        kept = await connection.fetchrow("SELECT reason, by_whom, lifted_by FROM suppression")
    assert [tuple(row) for row in trail] == [
        (state, "M. Ops") for state in ("queued", "suppressed", "queued")
    ]
    assert kept is not None
    assert tuple(kept) == ("rejets", "M. Ops", "M. Ops")


async def test_after_a_restore_nothing_that_may_have_gone_is_sent_by_itself(
    ledger: Ledger, server: MailServer, environment: Mapping[str, str]
) -> None:
    """The base is that of a Monday's morning backup: mails and digests waited then."""
    given = {**environment, "CPRO_TODAY": "2026-01-19"}
    await ledger.take(*many(2), closed())
    held = await asyncio.to_thread(CliRunner().invoke, app, ["hold", "--by", "M. Ops"], env=given)
    assert (held.exit_code, "manquent : 2" in held.output) == (0, True), held.output
    assert {mail["reason"] for mail in await ledger.mails()} == {"restored"}
    async with ledger.sending():
        assert await tell_closed(ledger.base, MONDAY) == 0
        assert await tell_closed(ledger.base, MONDAY + dt.timedelta(days=1)) == 0
        assert await ledger.states() == ["failed", "failed"]
        arguments = ["resend", "--failed", "--since", "2020-01-01"]
        await asyncio.to_thread(CliRunner().invoke, app, arguments, env=given)
        await ledger.all_sent()
    assert len(server.copies) == 2


async def test_what_has_been_kept_for_a_year_is_forgotten(ledger: Ledger) -> None:
    await ledger.take(*many(3), offered())
    await ledger.execute("UPDATE mail SET state = 'sent', ended_at = now() WHERE number = 1")
    await ledger.execute("UPDATE mail SET created_at = now() - interval '366 days'")
    await ledger.execute("UPDATE unaddressed SET since = now() - interval '366 days'")
    await ledger.execute("UPDATE mail SET state = 'failed', ended_at = created_at WHERE number = 2")
    async with ledger.base.connection() as connection:
        now = await connection.fetchval("SELECT now()")
    await forget(ledger.base, now)
    assert await ledger.states() == ["sent", "queued"]
    async with ledger.base.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM unaddressed") == 0
