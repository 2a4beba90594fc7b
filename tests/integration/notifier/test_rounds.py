"""« À faire » on Mondays, the daily digest, arrivals by hand: told once, and only when there is
something to tell.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from deploy.local.client import eventually
from deploy.local.kept import free_port
from services.notifier.rounds import Others, tell_closed, tell_late, tell_to_do
from shared.events import Recipient
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import TokenVerifier, may_as_service
from shared.signing import Signer
from shared.web import problems
from tests.integration.notifier.support import Ledger, closed, offered, school, toggled
from tests.support.pupils import A, B, C
from tests.support.serving import served

MONDAY = dt.datetime(2026, 1, 19, 6, 30, tzinfo=dt.UTC)
"""Half past seven in Paris."""

NOTHING = {"await_import": 0, "await_switch": 0, "await_acceptance": 0, "await_opinion": 0}
MARTIN = Recipient(name="Mme Martin", email="martin@ac-lille.example")
DURAND = Recipient(name="M. Durand", email="durand@ac-lille.example")


class Neighbours:
    """`transfer` and `etablissement`, as far as `notifier` asks them; two schools a page."""

    def __init__(self, keys: Path) -> None:
        self.tokens = TokenVerifier.from_file(keys / "jwks.json")
        self.counts: dict[str, dict[str, int]] = {A: NOTHING, B: NOTHING, C: NOTHING}
        self.holders = {A: [MARTIN, DURAND], B: [MARTIN]}
        self.asked: list[list[str]] = []
        self.fails = False

    def app(self) -> FastAPI:
        app = FastAPI()
        app.state.runtime = self
        problems.install(app, {})

        @app.get("/counts/to-do", dependencies=[Depends(may_as_service(Action.COUNT_TO_DO))])
        async def counts(limit: int, after: str | None = None) -> dict[str, Any]:
            page = [uai for uai in sorted(self.counts) if after is None or uai > after][:2]
            more = page[-1] if page and page[-1] != max(self.counts) else None
            return {"schools": [{"uai": u, **self.counts[u]} for u in page], "next": more}

        @app.post("/holders", dependencies=[Depends(may_as_service(Action.READ_HOLDERS))])
        async def holders(asked: dict[str, Any]) -> dict[str, Any]:
            if self.fails:
                raise RuntimeError
            assert asked["action"] == "see-transfers"
            self.asked.append(asked["schools"])
            return {u: self.holders.get(Uai(u), []) for u in asked["schools"]}

        return app


@pytest.fixture
async def neighbours(keys: Path) -> AsyncIterator[tuple[Neighbours, Others]]:
    fake, port = Neighbours(keys), free_port()
    url = f"http://127.0.0.1:{port}"
    async with served(fake.app(), port):
        yield fake, Others(Signer.from_file(keys / "notifier.jwk"), url, url)


async def test_on_mondays_those_who_hold_the_right_are_told_what_waits_once(
    ledger: Ledger, neighbours: tuple[Neighbours, Others]
) -> None:
    fake, others = neighbours
    fake.counts[A] = {**NOTHING, "await_import": 3, "await_opinion": 1}
    fake.counts[C] = {**NOTHING, "await_switch": 1}
    await ledger.take(school())
    early = MONDAY - dt.timedelta(hours=1)
    assert await tell_to_do(ledger.base, others, early) == 0
    for moment in (MONDAY, MONDAY + dt.timedelta(hours=5), MONDAY + dt.timedelta(days=1)):
        await tell_to_do(ledger.base, others, moment)
    mails = await ledger.mails()
    assert sorted(m["address"] for m in mails) == [DURAND.email, MARTIN.email]
    assert mails[0]["subject"] == (
        "[CPro éducation] Lycée Émile-Zola X : à faire – 4 dossiers attendent"
    )
    assert fake.asked == [[A], [C]], "nobody is asked for when nothing waits"
    assert await tell_to_do(ledger.base, others, MONDAY + dt.timedelta(days=7)) == 2


async def test_replicas_make_one_round_together(
    ledger: Ledger, neighbours: tuple[Neighbours, Others]
) -> None:
    fake, others = neighbours
    fake.counts = {uai: {**NOTHING, "await_import": 1} for uai in (A, B, C)}
    made = await asyncio.gather(*(tell_to_do(ledger.base, others, MONDAY) for _ in range(3)))
    mails = await ledger.mails()
    assert sorted((m["uai"], m["address"]) for m in mails) == [
        (A, DURAND.email), (A, MARTIN.email), (B, MARTIN.email)
    ]  # fmt: skip
    assert sum(made) == 3


async def test_a_round_that_was_interrupted_goes_on_where_it_stopped(
    ledger: Ledger, neighbours: tuple[Neighbours, Others]
) -> None:
    fake, others = neighbours
    fake.counts = {uai: {**NOTHING, "await_acceptance": 2} for uai in (A, B, C)}
    fake.fails = True
    with pytest.raises(Exception, match="500"):
        await tell_to_do(ledger.base, others, MONDAY)
    assert await ledger.mails() == []
    fake.fails = False
    assert await tell_to_do(ledger.base, others, MONDAY) == 3


async def test_an_arrival_by_hand_is_mailed_at_once_and_again_as_a_reminder(
    ledger: Ledger,
) -> None:
    first = offered()
    await ledger.take(school(A), school(B), first)
    async with ledger.sending():
        await ledger.all_sent()
        await ledger.take(first.model_copy(update={"reminder": True}))
        await ledger.all_sent()
    told = [copy.mail for copy in ledger.server.copies]
    assert [mail["To"].addresses[0].addr_spec for mail in told] == [
        "ce.9990002y@ac-lille.example"
    ] * 2
    assert [mail["Subject"] for mail in told] == [
        "[CPro éducation] Lycée Émile-Zola Y : un dossier attend votre réponse",
        "[CPro éducation] Lycée Émile-Zola Y : un dossier attend votre réponse (rappel)",
    ]
    body = told[1].get_body(("plain",))
    assert body is not None
    assert "Lycée Émile-Zola X (UAI 9990001X, Lille)" in body.get_content()
    assert "depuis sept jours" in body.get_content()


async def test_a_class_offered_at_once_is_one_mail_with_its_count(ledger: Ledger) -> None:
    await ledger.take(school(A), school(B), offered().model_copy(update={"count": 24}))
    async with ledger.sending():
        await ledger.all_sent()
    [copy] = ledger.server.copies
    assert copy.mail["Subject"].endswith(": 24 dossiers attendent votre réponse")
    body = copy.mail.get_body(("plain",))
    assert body is not None
    assert "à la main les dossiers de 24 apprenants." in body.get_content()


async def test_what_a_school_without_e_mail_was_not_told_is_sent_once_it_has_one(
    ledger: Ledger,
) -> None:
    first = offered()
    await ledger.take(first, first.model_copy(update={"reminder": True}), school(A))
    await ledger.take(school(B, email=None), offered())
    assert await ledger.mails() == []
    await ledger.take(school(B, version=3), school(B, version=2, email=None))
    mails = await ledger.mails()
    assert [mail["address"] for mail in mails] == ["ce.9990002y@ac-lille.example"] * 2
    assert sorted("rappel" in mail["subject"] for mail in mails) == [False, True]


async def test_an_e_mail_learnt_beside_an_arrival_is_not_missed(ledger: Ledger) -> None:
    """Two replicas take in the arrival and the e-mail at once: neither sees the other's."""
    await ledger.take(school(B, email=None), offered())
    await ledger.execute("UPDATE school SET email = 'ce.b@ac-lille.example'")
    await tell_late(ledger.base)
    await tell_late(ledger.base)
    assert [mail["address"] for mail in await ledger.mails()] == ["ce.b@ac-lille.example"]


async def test_an_arrival_that_bounced_goes_to_the_corrected_e_mail(ledger: Ledger) -> None:
    wrong, right = "ce.bb@ac-lille.example", "ce.b@ac-lille.example"
    ledger.server.at_rcpt[wrong].extend(["550 5.1.1 no such user", "451 4.7.1 later"])
    await ledger.take(school(B, email=wrong), offered(), toggled(MARTIN))
    await ledger.take(offered())
    async with ledger.sending(smtp_connections=1):

        async def tried() -> bool:
            return sorted(await ledger.states()) == ["deferred", "failed", "sent"]

        await eventually(tried, "both arrivals to be refused")
        await ledger.take(school(B, version=2, email=wrong.upper()))
        assert "failed" in await ledger.states(), "the same address in other letters"
        await ledger.take(school(B, version=3, email=right))
        await ledger.all_sent()
    assert [copy.recipient for copy in ledger.server.copies].count(right) == 2
    assert len(ledger.server.copies) == 3, "what has arrived is not sent again"
    await ledger.take(school(B, version=4, email=wrong))
    assert set(await ledger.states()) == {"sent"}


async def test_closed_transfers_are_told_to_both_schools_once_a_day(ledger: Ledger) -> None:
    await ledger.take(school(A), school(B), school(C))
    one = closed()
    await ledger.take(one, closed(), closed({}), closed({"bilan": 0}))
    await ledger.take(one, closed(outcome="reversed"))
    assert await tell_closed(ledger.base, MONDAY - dt.timedelta(hours=2)) == 0
    made = await asyncio.gather(*(tell_closed(ledger.base, MONDAY) for _ in range(3)))
    assert sum(made) == 2
    counts = {mail["uai"]: mail["content"] for mail in await ledger.mails()}
    assert {uai: content["counts"] for uai, content in counts.items()} == {
        A: {"sent": 2, "received": 0, "returned": 1},
        B: {"sent": 0, "received": 2, "returned": 1},
    }
    await ledger.take(closed())
    assert await tell_closed(ledger.base, MONDAY) == 0, "this day's digest is out"
    assert await tell_closed(ledger.base, MONDAY + dt.timedelta(days=1)) == 2


async def test_a_school_that_does_not_want_the_digest_or_has_no_e_mail_gets_none(
    ledger: Ledger,
) -> None:
    await ledger.take(school(A, digest=False), school(B, email=None), closed())
    assert await tell_closed(ledger.base, MONDAY) == 0
    await ledger.take(school(A, version=2), school(B, version=2), closed())
    assert await tell_closed(ledger.base, MONDAY + dt.timedelta(days=1)) == 2
    [a, _] = await ledger.mails()
    assert a["content"]["counts"]["returned"] == 0
    assert {a["content"]["counts"][way] for way in ("sent", "received")} == {0, 1}
