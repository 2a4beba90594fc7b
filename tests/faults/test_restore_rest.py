"""The drill of docs/restore.md for the services that hold no learner: `etablissement`,
`inspector_access`, `notifier` and `gateway`. Beside the commands and people's acts, all that is
played is real: services, broker, mail server, `pg_dump` and `pg_restore`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, Sign, eventually
from services.etablissement.__main__ import service as etablissement
from services.gateway.__main__ import service as gateway
from services.inspector_access.__main__ import service as inspector_access
from services.notifier.__main__ import service as notifier
from services.siecle_import.__main__ import service as siecle_import
from services.transfer.__main__ import service as transfer
from shared.database import Database
from shared.events import SchoolUpdated
from shared.service import Service
from tests.integration.etablissement.test_listeners import KNOWN
from tests.integration.gateway.support import Place
from tests.integration.inspector_access.support import (
    ACADEMIE,
    DIPLOMAS,
    INSPECTORS,
    MELEC,
    MSPC,
    PMIA,
    TNE,
    inspector,
    sender,
)
from tests.integration.notifier.support import offered, publish
from tests.support.directory import school, uai, written
from tests.support.mail import MailServer, mail_server
from tests.support.provider import provided
from tests.support.registry import Claims, admin, staff
from tests.support.restores import LONG, Drill

pytestmark = pytest.mark.long

ALL = (etablissement, siecle_import, transfer, inspector_access, notifier, gateway)
LISTENERS = [one for one in ALL if one.name in SchoolUpdated.listeners]
A, B, C, D, E, F = (uai(number) for number in range(690001, 690007))
AYMERICK, VALERY = "aymerick@ac-demo.example", "valery@ac-demo.example"
FRESH = "new@ac-demo.example"


@pytest.fixture
async def drill(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    tmp_path: Path,
) -> Drill:
    return Drill({s.name: await new_database(s) for s in ALL}, vhost, keys, sign, tmp_path)


async def answer(
    drill: Drill, service: str, claims: Claims, method: str, path: str, **options: Any
) -> httpx.Response:
    """What a service answers to someone."""
    assert drill.system is not None
    headers = {
        "Authorization": f"Bearer {drill.sign(claims)}",
        "Idempotency-Key": str(uuid4()),
        **options.pop("headers", {}),
    }
    async with httpx.AsyncClient(base_url=drill.system.urls[service], timeout=60) as http:
        return await http.request(method, path, headers=headers, **options)


async def call(
    drill: Drill, service: str, claims: Claims, method: str, path: str, **options: Any
) -> Any:
    """The JSON of the answer, which is none of a failure."""
    found = await answer(drill, service, claims, method, path, **options)
    assert found.is_success, found.text
    return found.json() if found.content else None


async def written_to(
    drill: Drill, service: str, claims: Claims, read: str, wanted: Json, *, to: str = ""
) -> Any:
    """Write what someone has just read at `read` (or write at `to`), as the pages do."""
    etag = (await answer(drill, service, claims, "GET", read)).headers["ETag"]
    method, path = ("POST", to) if to else ("PUT", read)
    return await call(drill, service, claims, method, path, json=wanted, headers={"If-Match": etag})


async def directory(drill: Drill, *numbers: int, **changed: str) -> None:
    """Have the directory taken in as docs/restore.md says; `changed` is the name of D."""
    file = drill.folder / "annuaire.csv"
    lines = [school(number, Libelle_academie="Normandie") for number in numbers]
    for line in lines:
        if line["Identifiant_de_l_etablissement"] == D:
            line.update(changed)
    file.write_bytes(written(lines))
    await drill.operate("etablissement", "schools", "import", str(file), "--apply")


async def registry(drill: Drill) -> Mapping[str, Json]:
    """The schools of the registry, by UAI."""
    rows = await drill.ask("etablissement", "SELECT * FROM school")
    return {row["uai"]: dict(row) for row in rows}


async def heard(
    drill: Drill, listeners: Collection[Service] = LISTENERS, *, version: Sequence[str] = ()
) -> None:
    """Wait until the listeners know of every school what the registry has, and its `version` where
    that is to be compared: what nobody listens to is not told, and raises it all the same.
    """

    async def same() -> bool:
        told = await registry(drill)
        for name in {one.name for one in listeners}:
            source, columns = KNOWN[name]
            fields = ("uai", *version, *columns)
            rows = await drill.ask(name, f"SELECT {', '.join(fields)} FROM {source}")
            wanted = {code: {field: one[field] for field in fields} for code, one in told.items()}
            if {row["uai"]: dict(row) for row in rows} != wanted:
                return False
        return True

    await eventually(same, "the listeners to know what the registry says", seconds=LONG)


async def contents(drill: Drill, name: str) -> Mapping[str, set[str]]:
    """The rows of each table of a service, as text."""
    tables = await drill.ask(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        one[0]: {row[0] for row in await drill.ask(name, f"SELECT t::text FROM {one[0]} t")}
        for one in tables
    }


def gone(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> set[str]:
    """The tables of which rows are no more."""
    return {table for table, rows in before.items() if rows - after[table]}


def head(code: str) -> Claims:
    """The head of a school."""
    claims = staff(code, "direction")
    return {**claims, "name": "Mme Martin", "function": "proviseure"}


async def closes(drill: Drill, code: str, successor: str) -> None:
    """The académie closes a school."""
    path = f"/academies/{ACADEMIE}/schools/{code}/closing"
    claims = {**head(code), **admin(ACADEMIE)}
    card = f"/schools/{code}/card"
    await written_to(drill, "etablissement", claims, card, {"successor": successor}, to=path)


async def enters(drill: Drill, code: str, name: str) -> None:
    """The nation enters a school that the directory has not."""
    body = {"uai": code, "name": name, "email": "ce@ac-demo.example"}
    path = f"/academies/{ACADEMIE}/schools"
    await call(drill, "etablissement", admin(), "POST", path, json=body)


async def new_head(drill: Drill, code: str, email: str) -> None:
    """The académie invites a head."""
    claims = staff(code, "admin-academique")
    person = {"email": email, "name": "M. Neuf"}
    await call(drill, "etablissement", claims, "POST", f"/schools/{code}/head", json=person)


async def edits(drill: Drill, code: str, **fields: object) -> None:
    """The head of a school writes fields of its card."""
    path = f"/schools/{code}/card"
    card = await call(drill, "etablissement", head(code), "GET", path)
    names = ("name", "email", "address", "postcode", "town", "phone", "digest")
    wanted = {name: card[name] for name in names} | fields
    await written_to(drill, "etablissement", head(code), path, wanted)


async def test_etablissement_is_restored_to_before_cards_closings_heads_and_a_directory(
    drill: Drill,
) -> None:
    await directory(drill, 690001, 690002, 690003, 690004)
    async with drill.run([etablissement, *LISTENERS]):
        await edits(drill, A, phone="0144556677")
        await new_head(drill, A, "first@ac-demo.example")
        await heard(drill)
        await drill.back_up("etablissement")
        held = await contents(drill, "etablissement")
        for digest in (False, True, False):
            await edits(drill, A, name="Lycée qui change", digest=digest)
        await closes(drill, B, successor=A)
        await new_head(drill, C, FRESH)
        await enters(drill, F, "Lycée hors annuaire")
        await edits(drill, F, name="Lycée hors de l'annuaire")
        contacts = f"/schools/{A}/contacts"
        await written_to(drill, "etablissement", head(A), contacts, {"dreets": {"name": "DREETS"}})
        await directory(
            drill, 690001, 690002, 690003, 690004, 690005, Nom_etablissement="Lycée renommé"
        )
        await heard(drill)
        known, lost = await registry(drill), await contents(drill, "etablissement")
    async with drill.run(LISTENERS):
        await drill.restore("etablissement")
        await directory(
            drill, 690001, 690002, 690003, 690004, 690005, Nom_etablissement="Lycée renommé"
        )
    async with drill.run([etablissement, *LISTENERS]):
        await enters(drill, F, "Lycée hors annuaire")
        said = await drill.operate("etablissement", "schools", "republish", "--restored")
        assert said == "6 établissements annoncés.\n"
        await heard(drill, version=["version"])
        now = await registry(drill)
        assert all(now[code]["version"] > known[code]["version"] for code in known)
        other = {
            code: {field for field, value in one.items() if value != known[code][field]}
            for code, one in now.items()
        }
        told = {"version"}
        named = told | {"name", "name_words", "own"}
        closed = told | {"open", "successor"}
        assert other == {
            A: named | {"digest"}, B: closed, C: told, D: told, E: told, F: named,
        }  # fmt: skip
        has = await contents(drill, "etablissement")
        assert gone(held, has) == {"school"}, "nothing that the backup held is gone"
        assert gone(lost, has) == {
            "school", "school_change", "directory_import", "person", "held_right",
            "right_change", "setting", "setting_change", "idempotency",
        }  # fmt: skip
        await edits(drill, A, email="ce@ac-demo.example")
        await closes(drill, B, successor=A)
        await heard(drill)


@asynccontextmanager
async def mailing(drill: Drill, server: MailServer, *others: Service) -> AsyncIterator[None]:
    """Run services beside a `notifier` that sends to a mail server."""
    mail = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    async with drill.run([*others, notifier], {"notifier": mail}):
        yield


async def received(server: MailServer, *subjects: str) -> None:
    """Wait until these are the mails that the server has, by words of their subjects with the
    recipient, and no others.
    """

    async def there() -> bool:
        return len(server.copies) >= len(subjects)

    await eventually(there, f"{len(subjects)} mails", seconds=LONG)
    copies = [f"{copy.recipient} {copy.mail['Subject']}" for copy in server.copies]
    for said, wanted in zip(copies, subjects, strict=True):
        recipient, _, words = wanted.partition(" ")
        assert said.startswith(recipient), copies
        assert words in said, copies


async def table(drill: Drill, name: str, content: str) -> None:
    """Have a table of inspectors taken in."""
    path, claims = f"/academies/{ACADEMIE}/tables/{name}", sender(name, ACADEMIE)
    ask = partial(answer, drill, "inspector_access", claims, "POST", content=content.encode())
    seen = await ask(path=f"{path}/preview")
    assert seen.json().get("refused") == 0, seen.text
    done = await ask(path=path, headers={"If-Match": seen.headers["ETag"]})
    assert done.is_success, done.text


async def switch(drill: Drill, diploma: str, *, active: bool) -> None:
    """The head of A sets a switch."""
    path = f"/schools/{A}/inspector-access/{diploma}"
    await written_to(drill, "inspector_access", head(A), path, {"active": active})


async def signs_in(drill: Drill, person: UUID) -> None:
    """Aymerick signs in."""
    assert drill.system is not None
    visitor = {"person": str(person), "email": AYMERICK, "email_verified": True, "name": "X"}
    async with drill.system.client("gateway", "inspector_access") as client:
        assert (await client.post("/sign-in", json=visitor)).json()["known"]


async def open_to(drill: Drill, person: UUID) -> list[str]:
    """The diplomas of A that are open to him."""
    claims = inspector(person, ACADEMIE)
    found = await call(drill, "inspector_access", claims, "GET", "/console")
    return sorted(one["diploma"] for one in found)


async def inspectors(drill: Drill) -> None:
    """A is subscribed to three diplomas, Aymerick is the referent of all."""
    await directory(drill, 690001, 690002)
    await heard(drill, [inspector_access, notifier])
    await table(drill, "diplomes", DIPLOMAS)
    await table(drill, "inspecteurs", INSPECTORS)
    of_a = "".join(f"{A};{diploma};;\n" for diploma in (TNE, PMIA, MELEC))
    await table(drill, "abonnements", f"uai;diplome;debut;fin\n{of_a}")
    his = "".join(f"{AYMERICK};{diploma};;;\n" for diploma in (TNE, PMIA, MELEC, MSPC))
    await table(drill, "referents", f"adresse;diplome;uai;debut;fin\n{his}")


async def test_inspector_access_is_restored_to_before_switches_and_a_subscription(
    drill: Drill,
) -> None:
    aymerick = uuid4()
    async with mail_server() as server:
        told = partial(received, server)
        opened, shut = f"{AYMERICK} accès ouvert", f"{AYMERICK} accès fermé"
        async with mailing(drill, server, etablissement, inspector_access):
            await inspectors(drill)
            await signs_in(drill, aymerick)
            await switch(drill, TNE, active=True)
            await told(opened)
            await drill.back_up("inspector_access")
            await switch(drill, TNE, active=False)
            await told(opened, shut)
            await switch(drill, PMIA, active=True)
            await told(opened, shut, opened)
            await switch(drill, PMIA, active=False)
            await told(opened, shut, opened, shut)
            await table(drill, "abonnements", f"uai;diplome;debut;fin\n{A};{MSPC};;\n")
            await switch(drill, MSPC, active=True)
            so_far = [opened, shut, opened, shut, opened]
            await told(*so_far)
            assert await open_to(drill, aymerick) == [MSPC]
            await edits(drill, A, name="Lycée Ampère")
            await heard(drill, [inspector_access, notifier])
        await drill.restore("inspector_access")
        async with mailing(drill, server, etablissement, inspector_access):
            await drill.operate("etablissement", "schools", "republish")
            await heard(drill, [inspector_access, notifier])
            assert await open_to(drill, aymerick) == [TNE], "what was shut since is open again"
            tab = f"/schools/{A}/inspector-access"
            lines = (await call(drill, "inspector_access", head(A), "GET", tab))["lines"]
            assert {one["diploma"]: one["active"] for one in lines} == {
                TNE: True, PMIA: False, MELEC: False,
            }  # fmt: skip
            await switch(drill, TNE, active=False)
            await told(*so_far, f"{AYMERICK} Lycée Ampère : accès fermé")
            await switch(drill, PMIA, active=True)
            await told(*so_far, shut, opened)
            await table(drill, "abonnements", f"uai;diplome;debut;fin\n{A};{MSPC};;\n")
            await switch(drill, MSPC, active=True)
            await told(*so_far, shut, opened, opened)
            assert await open_to(drill, aymerick) == sorted([PMIA, MSPC])
    assert len(set(server.ids())) == len(server.copies), "no mail came twice"


async def test_notifier_is_restored_to_before_mails_that_waited_have_gone(drill: Drill) -> None:
    old, new, late = "b@ac-demo.example", "b-new@ac-demo.example", "d@ac-demo.example"
    others = [etablissement, inspector_access]
    async with mail_server() as server:
        told = partial(received, server)
        opened, waits = f"{AYMERICK} accès ouvert", "un dossier attend votre réponse"
        async with mailing(drill, server, *others):
            await inspectors(drill)
            await directory(drill, 690004, Mail="")
            await edits(drill, B, email=old)
            await heard(drill, [inspector_access, notifier])
            await switch(drill, TNE, active=True)
            await told(opened)
            server.at_rcpt[old].append("451 4.7.1 later")
            for there in (B, D):
                await publish(drill.amqp_url, offered(origin_uai=A, destination_uai=there))
            await waiting(drill, mail="deferred", untold=1)
            await drill.back_up("notifier")
            await edits(drill, B, email=new)
            await told(opened, f"{new} {waits}")
            await edits(drill, D, email=late)
            await told(opened, f"{new} {waits}", f"{late} {waits}")
            await switch(drill, PMIA, active=True)
            so_far = [opened, f"{new} {waits}", f"{late} {waits}", opened]
            await told(*so_far)
            assert len(set(server.ids())) == 4
        await drill.restore("notifier")
        assert "manquent : 2" in await drill.operate("notifier", "hold")
        async with mailing(drill, server, *others):
            await drill.operate("etablissement", "schools", "republish")
            await heard(drill, [notifier])
            await switch(drill, TNE, active=False)
            await told(*so_far, f"{AYMERICK} accès fermé")
            kept = "SELECT kind FROM mail WHERE (state, reason) = ('failed', 'restored')"
            assert [row["kind"] for row in await drill.ask("notifier", kept)] == ["arrival"] * 2
            assert len(set(server.ids())) == 5, "no mail came twice"
            since = ("--failed", "--since", "2020-01-01")
            assert " : 2\n" in await drill.operate("notifier", "resend", *since)
            await eventually(lambda: _copies(server, 7), "both mails again", seconds=LONG)
            assert sorted(server.ids()[5:]) == sorted(server.ids()[1:3]), "the same Message-IDs"
            assert {copy.recipient for copy in server.copies[5:]} == {new, late}


async def waiting(drill: Drill, *, mail: str, untold: int) -> None:
    """Wait until a mail is in this state, and so many are there that have no address."""

    async def there() -> bool:
        states = await drill.ask("notifier", "SELECT FROM mail WHERE state = $1", mail)
        return len(states) == 1 and len(await drill.ask("notifier", "TABLE unaddressed")) == untold

    await eventually(there, f"a mail {mail}, {untold} untold", seconds=LONG)


async def _copies(server: MailServer, number: int) -> bool:
    return len(server.copies) >= number


async def test_gateway_is_made_anew_and_everybody_signs_in_again(drill: Drill) -> None:
    await directory(drill, 690001)
    await drill.operate("etablissement", "users", "grant-admin", "direction@demo.example")
    async with provided() as provider, httpx.AsyncClient() as browser:
        provider.claims = {"sub": "direction", "email": "direction@demo.example"}
        own = {"oidc_issuer": provider.issuer, "person_key_file": drill.keys / "signing.jwk"}
        for anew in (False, True):
            if anew:
                await drill.ask("gateway", "DROP SCHEMA public CASCADE")
                await drill.ask("gateway", "CREATE SCHEMA public")
                await drill.ask("gateway", "GRANT USAGE ON SCHEMA public TO PUBLIC")
                await drill.operate("gateway", "migrate")
            services = [etablissement, inspector_access, gateway]
            async with drill.run(services, {"gateway": own}) as system:
                database = await Database.open(drill.database_urls["gateway"], 1)
                browser.base_url = httpx.URL(system.urls["gateway"])
                home = await browser.get("/")
                assert home.headers["location"] == "/connexion", "no session, or one that has ended"
                back = await Place(system, provider, database, browser).sign_in()
                assert back.status_code == 303, back.text
                assert (await browser.get(back.headers["location"])).status_code == 200
                await database.close()
