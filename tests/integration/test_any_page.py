"""Whatever is typed into a form or an address by someone who may do everything, no page ends in an
error of ours, nor in one of a service.

`FUZZ_EXAMPLES` sets how many requests a page gets beside the first one (2 by default), `FUZZ_SEED`
which.
"""

import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import httpx
import pytest

from deploy.local.tokens import service_key_file
from services.gateway import entering
from services.gateway.__main__ import service as gateway
from services.gateway.clients.rights import Knowers
from services.gateway.domain.sessions import Account
from services.gateway.settings import GatewaySettings
from services.gateway.web.visit import Visit
from shared.clock import Clock
from shared.database import Database
from shared.rights import Action
from shared.service import Service
from shared.signing import Signer
from tests.integration.test_any_input import EXAMPLES, SEED
from tests.integration.test_story import A, B
from tests.support.belongings import ACADEMIE, DIPLOMA, VISITOR, Known, belongings, subscribe
from tests.support.forms import Way, ways
from tests.support.persons import invited
from tests.support.system import TODAY, System, running

NOT_WALKED = {"/connexion/aller", "/deconnexion", "/passeport"}
"""The provider's affair; the end of the session; what a token opens and no session."""

ODD = (
    "", " ", "\x00", "é", "𝔘" * 50, "-1", "0", "9" * 30, "1e9", "2026-02-30", "2026-01-15", "oui",
    "<script>", "'\"`", "%00", "x" * 5000, "[]", "{}", "../..", "A\r\nB", "٣", "NaN", "true",
)  # fmt: skip
TYPED = set(
    re.findall(
        r'name="([a-z_.-]+)"',
        "".join(one.read_text() for one in (gateway.folder / "templates").rglob("*.html")),
    )
)
"""The names of fields in the templates."""


@dataclass(frozen=True)
class Walker:
    """Someone who is signed in and sends anything."""

    http: httpx.AsyncClient
    database: Database
    kept: Mapping[str, Sequence[Any]]
    """What the session knows of the school where he is the head, and of one that he administers."""

    csrf: str
    known: Known
    asked: Mapping[str, set[str]]
    """The fields that each form has been seen to read."""

    def value(self, name: str, chosen: random.Random) -> str:
        """Something for a field or a part of an address: often what is there."""
        there = self.known.get(name) or [one for ids in self.known.values() for one in ids]
        return chosen.choice(there if chosen.random() < 0.6 else ODD)

    def address(self, way: Way, chosen: random.Random) -> str:
        path = re.sub(
            r"{(\w+)}", lambda found: quote(self.value(found[1], chosen), safe=""), way.path
        )
        query = {name: self.value(name, chosen) for name in way.queries if chosen.random() < 0.7}
        return f"{path}?{urlencode(query)}" if query else path

    async def send(self, way: Way, chosen: random.Random) -> str:
        """What went wrong; empty if nothing did."""
        uai = B if way.action is Action.INVITE_HEAD else A
        await self.database.pool.execute(
            "UPDATE sessions SET (school, school_name, school_roles) = ($1, $2, $3)",
            *self.kept[uai],
        )
        await self.database.pool.execute("TRUNCATE attempts")
        sent: dict[str, Any] = {}
        if way.method == "POST":
            others = chosen.sample(sorted(TYPED), 4)
            form = {name: self.value(name, chosen) for name in (*self.asked[way.path], *others)}
            sent["data"] = {**form, "version": "1", "key": str(UUID(int=chosen.getrandbits(128)))}
            sent["data"] |= {"csrf": self.csrf, "pour": uai}
            if way.takes_file:
                content = self.value("content", chosen).encode()
                sent["files"] = {"fichier": (chosen.choice(("x.csv", "x.xml", "x.png")), content)}
        path = self.address(way, chosen)
        answer = await self.http.request(way.method, path, **sent)
        wrong = answer.status_code >= 500 or answer.status_code == 401
        wrong |= answer.headers.get("location") == "/connexion"
        return f"{answer.status_code} {way.method} {path[:300]} {sent}" if wrong else ""


async def entered(
    system: System, settings: GatewaySettings, database: Database
) -> tuple[str, Mapping[str, Sequence[Any]]]:
    """The cookie of the head of A, who is the national administrator and an inspector as well; what
    his session keeps when it is about A or B.
    """
    registry = await Database.open(system.database_urls["etablissement"], 1)
    rights = ("direction", A, None), ("admin-national", None, "*")
    await invited(registry, "valery@ac-demo.example", rights)
    await registry.close()
    knowers = Knowers(settings, Signer.from_file(service_key_file(system.keys, "gateway")))
    account = Account(UUID(VISITOR), "valery@ac-demo.example", True, "Valéry", "")
    now = Clock(TODAY).now()
    cookie = await entering.enter(database, knowers, account, now)
    session = await entering.seen(database, cookie, now)
    assert session is not None
    kept = {}
    for uai in (A, B):
        assert await entering.choose(database, knowers, session, uai)
        row = await database.pool.fetchrow("SELECT school, school_name, school_roles FROM sessions")
        kept[uai] = tuple(row or ())
    return cookie, kept


@pytest.fixture
async def walker(
    everyone: System,
    known: Known,
    new_database: Callable[[Service], Awaitable[str]],
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Walker]:
    """Pages of a system in which there is one of each thing."""
    await subscribe(everyone, A, B)
    async with everyone.school(A) as a:
        there = await belongings(a, B)
    ids = {name: [one, *known.get(name, ())] for name, one in there.items()}
    own: dict[str, object] = {f"{name}_url": url for name, url in everyone.urls.items()}
    own |= {"oidc_issuer": "http://127.0.0.1:9", "person_key_file": keys / "signing.jwk"}
    databases = {"gateway": await new_database(gateway)}
    asked: dict[str, set[str]] = defaultdict(set)
    text = Visit.text

    def noted(visit: Visit, name: str) -> str:
        asked[visit.request.scope["route"].path].add(name)
        return text(visit, name)

    monkeypatch.setattr(Visit, "text", noted)
    more = {"gateway": own}
    async with running([gateway], databases, everyone.amqp_url, keys, everyone.sign, more) as pages:
        settings = GatewaySettings.model_validate(
            {
                **own, "environment": "local", "database_url": databases["gateway"],
                "amqp_url": everyone.amqp_url, "http_port": 1,
            }
        )  # fmt: skip
        database = await Database.open(databases["gateway"], 2)
        cookie, kept = await entered(everyone, settings, database)
        csrf = await database.pool.fetchval("SELECT csrf FROM sessions")
        cookies = {"cpro": cookie}
        async with httpx.AsyncClient(
            base_url=pages.urls["gateway"], cookies=cookies, timeout=60
        ) as http:
            further = {
                "academie": [ACADEMIE], "diploma": [DIPLOMA], "kind": ["logo", "cachet"],
                "table": ["diplomes", "referents"], "uai": [A, B], "name": ["created"],
            }  # fmt: skip
            yield Walker(
                http, database, kept, csrf, {**known, **ids, **further},
                asked,
            )  # fmt: skip
        await database.close()


async def test_nothing_that_is_typed_ends_in_a_server_error(walker: Walker) -> None:
    chosen = random.Random(SEED)
    walked = [way for way in ways() if way.path not in NOT_WALKED]
    told = [await walker.send(way, chosen) for way in walked for _ in range(1 + EXAMPLES)]
    wrong = list(filter(None, told))
    assert not wrong, "\n".join(wrong)
