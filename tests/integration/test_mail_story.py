"""What happens in the services becomes mails in a real mail server, through the real broker: the
switches of « Accès inspecteurs », a class offered by hand, closed transfers, « À faire ».
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.client import Json, Sign, eventually
from services.dossier.__main__ import service as dossier
from services.etablissement.__main__ import service as etablissement
from services.inspector_access.__main__ import service as inspector_access
from services.notifier.__main__ import service as notifier
from services.notifier.rounds import Others, tell_closed, tell_to_do
from services.transfer.__main__ import service as transfer
from shared.database import Database
from shared.events import PupilCreated, PupilDeactivated
from shared.identifiers import Uai
from shared.service import Service
from shared.signing import Signer
from tests.integration.inspector_access.support import (
    DIPLOMAS,
    INSPECTORS,
    REFERENTS,
    SUBSCRIPTIONS,
    TNE,
)
from tests.integration.notifier.support import publish
from tests.support.mail import Copy, MailServer, mail_server
from tests.support.pupils import A, B, arrival, departure, imported, keys, pupil
from tests.support.system import TODAY, System, running

ACADEMIE = "Normandie"
Claims = Mapping[str, object]
NATIONAL: Claims = {"sub": "n", "name": "Mme Nation", "academies": {"*": ["admin-national"]}}
HEADS = {A: "head-a@ac-demo.example", B: "head-b@ac-demo.example"}
SCHOOLS = {A: "ce.a@ac-demo.example", B: "ce.b@ac-demo.example"}
MONDAY = dt.datetime(2026, 1, 26, 7, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Story:
    """The running services, and the server that their mails go to."""

    system: System
    server: MailServer
    http: httpx.AsyncClient
    ledger: Database

    async def call(self, service: str, method: str, path: str, claims: Claims, **more: Any) -> Json:
        """What a service answers to someone with these claims."""
        answer = await self._ask(service, method, path, claims, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    async def _ask(
        self, service: str, method: str, path: str, claims: Claims, **more: Any
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.system.sign(claims)}",
            "Idempotency-Key": str(uuid4()),
            **more.pop("headers", {}),
        }
        url = self.system.urls[service] + path
        return await self.http.request(method, url, headers=headers, **more)

    async def school(self, uai: Uai, name: str) -> None:
        """A school of the registry with its head, who follows the transfers."""
        card = {"uai": uai, "name": name, "town": "Caen", "email": SCHOOLS[uai]}
        path = f"/academies/{ACADEMIE}/schools"
        await self.call("etablissement", "POST", path, NATIONAL, json=card)
        here = {"sub": "n", "schools": {uai: ["admin-national"]}}
        invited = {"email": HEADS[uai], "name": "Mme Proviseure"}
        await self.call("etablissement", "POST", f"/schools/{uai}/head", here, json=invited)

    async def table(self, name: str, content: str) -> None:
        """Have a table of inspectors taken in, as soon as the school is known there."""
        path = f"/academies/{ACADEMIE}/tables/{name}"
        sent = {"content": content.encode()}

        async def right() -> str | None:
            seen = await self._ask("inspector_access", "POST", f"{path}/preview", NATIONAL, **sent)
            return seen.headers["ETag"] if seen.json().get("refused") == 0 else None

        etag = await eventually(right, f"a preview of {name} without refusals")
        headers = {"If-Match": etag}
        await self.call("inspector_access", "POST", path, NATIONAL, headers=headers, **sent)

    async def switch(self, *, active: bool) -> None:
        """Set the switch of a diploma of A, as its head."""
        path = f"/schools/{A}/inspector-access/{TNE}"
        line = await self.call("inspector_access", "GET", path, head(A))
        headers = {"If-Match": f'"{line["version"]}"'}
        await self.call(
            "inspector_access", "PUT", path, head(A), json={"active": active}, headers=headers
        )

    async def received(self, number: int, recipient: str) -> Copy:
        """The mail to a recipient that makes them so many."""

        def copies() -> list[Copy]:
            return [copy for copy in self.server.copies if copy.recipient == recipient]

        async def there() -> bool:
            return len(copies()) >= number

        await eventually(there, f"{number} mails to {recipient}")
        assert len(copies()) == number
        return copies()[-1]


def head(uai: Uai) -> Claims:
    """The head of a school."""
    return {
        "sub": f"head-{uai}", "name": "Mme Martin", "function": "proviseure",
        "schools": {uai: ["direction"]},
    }  # fmt: skip


def text_of(copy: Copy) -> str:
    """The text of a mail as it is read."""
    body = copy.mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
async def story(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[Story]:
    services = [etablissement, transfer, dossier, inspector_access, notifier]
    urls = {service.name: await new_database(service) for service in services}
    async with mail_server() as server, httpx.AsyncClient(timeout=30) as http:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
        async with running(services, urls, vhost, keys, sign, {"notifier": mail}) as system:
            ledger = await Database.open(urls["notifier"], 2)
            yield Story(system, server, http, ledger)
            await ledger.close()


async def test_what_happens_in_the_services_is_told_by_mail(story: Story) -> None:
    await story.school(A, "Lycée Ampère")
    await story.school(B, "CFA Curie")
    await _referents_are_told_of_each_change(story)
    await _closed_transfers_are_told_the_next_morning(story)
    await _a_class_offered_by_hand_is_one_mail(story)
    await _on_monday_those_who_follow_transfers_are_told_what_waits(story)
    assert len(set(story.server.ids())) == len(story.server.copies), "no mail came twice"


async def _referents_are_told_of_each_change(story: Story) -> None:
    for name, content in (
        ("diplomes", DIPLOMAS), ("inspecteurs", INSPECTORS), ("abonnements", SUBSCRIPTIONS),
        ("referents", REFERENTS),
    ):  # fmt: skip
        await story.table(name, content)
    await story.switch(active=True)
    opened = await story.received(1, "aymerick@ac-demo.example")
    await story.received(1, "valery@ac-demo.example")
    diploma = "2de famille de métiers des Transitions numérique et énergétique"
    assert opened.mail["Subject"] == f"[CPro éducation] Lycée Ampère : accès ouvert – {diploma}"
    assert SCHOOLS[A] in opened.mail["Reply-To"]
    for words in (
        "Bonjour Aymerick", f"Lycée Ampère (UAI {A}, Caen)", f"Diplôme : {diploma}",
        "Par : Mme Martin, proviseure", "Le : mardi 20 janvier 2026 à",
        "la fiche de l'établissement",
        "les apprenants de ce diplôme", "écrits dans cet établissement", "/console",
        "Vos consultations sont enregistrées, et l'établissement peut les voir",
        "Vous recevez ce message parce que vous êtes inspecteur référent", "répondez à ce message",
    ):  # fmt: skip
        assert words in text_of(opened), words
    await story.switch(active=False)
    shut = await story.received(2, "aymerick@ac-demo.example")
    assert shut.mail["Subject"] == f"[CPro éducation] Lycée Ampère : accès fermé – {diploma}"
    assert "ne figurent plus dans votre console" in text_of(shut)
    assert shut.id != opened.id


async def _participate(story: Story) -> None:
    for uai in (A, B):
        await story.call(
            "transfer", "PUT", f"/schools/{uai}/participation", head(uai), json={"active": True},
            headers={"If-Match": '"0"'},
        )  # fmt: skip


async def _closed_transfers_are_told_the_next_morning(story: Story) -> None:
    await _participate(story)
    came = pupil(PupilCreated, A, keys(1))
    await publish(story.system.amqp_url, came)
    async with story.system.school(A) as a, story.system.school(B) as b:
        await a.write_record(str(came.pupil_id), "bilan", "Bilan")
        left = departure(A, keys(1), pupil_id=came.pupil_id)
        await publish(story.system.amqp_url, left, arrival(B, keys(1)), imported(B))
        await b.closed_transfer()

    async def counted() -> bool:
        async with story.ledger.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) = 2 FROM digest_entry"))

    await eventually(counted, "both sides of the transfer to be counted")
    tomorrow = dt.datetime.combine(TODAY, dt.time(7), dt.UTC) + dt.timedelta(days=1)
    assert await tell_closed(story.ledger, tomorrow) == 2
    assert "1 dossier transmis" in text_of(await story.received(1, SCHOOLS[A]))
    assert "1 dossier reçu, utilisable dès maintenant" in text_of(
        await story.received(1, SCHOOLS[B])
    )


async def _a_class_offered_by_hand_is_one_mail(story: Story) -> None:
    leavers = [pupil(PupilDeactivated, A).model_copy(update={"source": "hand"}) for _ in range(3)]
    await publish(story.system.amqp_url, *leavers)
    authorisation = {
        "collected_from": "both", "collected_on": "2026-01-12", "paper": "classeur 4",
    }  # fmt: skip
    wishes = [
        {"pupil_id": str(one.pupil_id), "destination": B, "authorisation": authorisation}
        for one in leavers
    ]

    async def taken() -> bool:
        path = f"/schools/{A}/offers"
        answer = await story._ask("transfer", "POST", path, head(A), json={"offers": wishes})
        return answer.is_success

    await eventually(taken, "the class to be offered")
    arrived = await story.received(2, SCHOOLS[B])
    assert arrived.mail["Subject"] == (
        "[CPro éducation] CFA Curie : 3 dossiers attendent votre réponse"
    )
    assert f"De : Lycée Ampère (UAI {A}, Caen)" in text_of(arrived)


async def _on_monday_those_who_follow_transfers_are_told_what_waits(story: Story) -> None:
    signer = Signer.from_file(story.system.keys / "notifier.jwk")
    urls = story.system.urls
    others = Others(signer, urls["transfer"], urls["etablissement"])
    assert await tell_to_do(story.ledger, others, MONDAY) == 1
    told = await story.received(1, HEADS[B])
    assert told.mail["Subject"] == "[CPro éducation] CFA Curie : à faire – 3 dossiers attendent"
    assert "- 3 dossiers proposés à la main attendent votre réponse" in text_of(told)
    assert await tell_to_do(story.ledger, others, MONDAY) == 0
