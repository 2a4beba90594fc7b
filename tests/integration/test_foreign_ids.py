"""Staff of one school send the ids of another under their own UAI: each route answers as if there
were no such thing, tells nothing and changes nothing.

What a route asks for is taken from the table of routes and from what the services describe: a new
route that asks for an id must be given a request here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest

from docs.reference import service
from services.transfer.handlers import handle
from shared.database import Database
from shared.messaging.consumer import Batch
from shared.rights import RIGHTS, Role
from tests.support import belongings as owned
from tests.support.belongings import DIPLOMA, MEF, Known, belongings
from tests.support.databases import dump
from tests.support.pupils import A, B, C, arrival, departure, imported, keys
from tests.support.routes import TABLE, UNKNOWN, Route, every_route
from tests.support.system import System

Ids = Mapping[str, str]
"""The ids of what A has; C is the school that tries, B the one with which A shares some."""
Body = Callable[[Ids], Any]
NO_THINGS = {"uai", "academie", "name", "purpose", "table", "diploma"}
"""Parameters that name nothing of a school."""

CURSORS = {"after"}
OF_NO_SCHOOL = (
    "/directory", "/operations", "/persons", "/pupils", "/restores", "/sign-in", "/transfers",
)  # fmt: skip
"""Routes of the nation, and those between services."""
RECORD = {
    "kind": "bilan", "title": "X", "body": {}, "author": "M. X", "written_on": "2025-11-20",
}  # fmt: skip

BODIES: Mapping[str, Body] = {
    "POST /schools/{uai}/pupils/{pupil_id}/records": lambda _: RECORD,
    "PUT /schools/{uai}/pupils/{pupil_id}/records/{record_id}": lambda _: RECORD,
    "POST /schools/{uai}/records/search": lambda ids: {"pupils": [ids["pupils"]]},
    "POST /schools/{uai}/pupils/{pupil_id}/remarks": lambda _: {"text": "x"},
    "POST /schools/{uai}/imports/{import_id}/confirm": lambda ids: {"spared": [ids["spared"]]},
    "POST /schools/{uai}/merges/preview": lambda ids: _pair(ids),
    "POST /schools/{uai}/merges": lambda ids: {**_pair(ids), "reason": "double-saisie"},
    "POST /schools/{uai}/pupils/by-ids": lambda ids: {"ids": [ids["ids"]]},
    "PUT /schools/{uai}/pupils/{pupil_id}": lambda _: {
        "family_name": "X", "first_name": "Y", "birth_date": "2009-01-01",
    },
    "POST /schools/{uai}/pupils/{pupil_id}/departure": lambda _: {"on": "2026-01-12"},
    "POST /schools/{uai}/pupils/{pupil_id}/erasure": lambda _: {"reason": "fiche-erronee"},
    "POST /schools/{uai}/offers": lambda ids: {"offers": [owned.wish(ids["pupil_id"], B)]},
    "POST /schools/{uai}/offers/{transfer_id}/acceptance": lambda ids: {
        "pupil_id": ids["pupil_id"]
    },
    "POST /schools/{uai}/offers/{transfer_id}/refusal": lambda _: {"because": "not-enrolled"},
    "POST /schools/{uai}/transfers/{transfer_id}/reversal": lambda _: {"because": "never-came"},
    "POST /schools/{uai}/transfers/{transfer_id}/return": lambda _: {"because": "never-came"},
    "POST /schools/{uai}/reviews": lambda ids: {
        "origin_pupil": ids["origin_pupil"], "destination_pupil": ids["destination_pupil"],
        "same": True,
    },
    "POST /schools/{uai}/pupils/{pupil_id}/why": lambda _: {"because": "family-request"},
    "POST /console/schools/{uai}/diplomas/{diploma}/record-counts": lambda ids: {
        "pupils": [ids["pupils"]]
    },
    "POST /inspection/counts": lambda ids: {"pupils": [ids["pupils"]]},
}  # fmt: skip
"""What is sent to each route that takes a body: such that it would be done for one's own."""


def _pair(ids: Ids) -> dict[str, str]:
    return {"survivor": ids["survivor"], "merged": ids["merged"]}


@dataclass(frozen=True)
class Asking:
    """A route that asks for ids; `names` are those of its path and of its body."""

    route: Route
    names: list[str]
    takes_body: bool

    @property
    def key(self) -> str:
        """The route as the tables of this file name it."""
        return f"{self.route.method} {self.route.path}"


def asking() -> list[Asking]:
    """All routes that ask for the id of something that a school has."""
    described = {name: service(name).app().openapi() for name in TABLE}
    found = []
    for route in every_route():
        if route.path.startswith(OF_NO_SCHOOL):
            continue
        whole = described[route.service]
        operation = whole["paths"][route.path][route.method.lower()]
        names = [one for one in re.findall(r"{(\w+)}", route.path) if one not in NO_THINGS]
        body = operation.get("requestBody")
        content = next(iter(body["content"].values())).get("schema", {}) if body else {}
        names += [name for name in dict.fromkeys(uuids(whole, content)) if name not in CURSORS]
        if route.path.endswith("/remarks"):
            names = ["pupil_id"]  # the transfer that a remark is about is noted and never looked up
        if names:
            found.append(Asking(route, names, "$ref" in content))
    return found


def uuids(whole: Any, schema: Any, name: str = "") -> Iterator[str]:
    """The names of the fields that hold ids, at any depth of a described body."""
    if isinstance(schema, list):
        for one in schema:
            yield from uuids(whole, one, name)
    elif isinstance(schema, dict):
        if schema.get("format") == "uuid":
            yield name
        if "$ref" in schema:
            known = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            yield from uuids(whole, known, name)
        for own, described in schema.get("properties", {}).items():
            yield from uuids(whole, described, own)
        for inner in ("items", "anyOf", "allOf", "oneOf"):
            yield from uuids(whole, schema.get(inner, []), name)


ROUTES = asking()


def test_every_body_that_holds_ids_is_sent() -> None:
    bodies = {one.key for one in ROUTES if one.takes_body}
    assert bodies == set(BODIES), "a route that asks for ids in its body has a request here"


ALIKE = {"pupils": "pupil_id", "spared": "pupil_id", "ids": "pupil_id"}
"""Names of fields that hold the id of a learner."""


def named(ids: Ids, asked: Asking) -> dict[str, str]:
    """The ids that stand for the names which a route has: on routes of offers the transfer is one
    that waits, and the like.
    """
    path, found = asked.route.path, {}
    for name in asked.names:
        own = ALIKE.get(name, name)
        if "/offers/" in path and name == "transfer_id":
            own = "offered"
        elif name == "digest":
            own = "cachet" if "/cachet/" in path else "logo"
        elif name == "right" and "/head/" in path:
            own = "head"
        elif path.endswith("/offers") and name == "pupil_id":
            own = "gone"
        elif name == "pupil_id" and "/return" in path:
            own = "gone_too"
        found[name] = ids.get(own, "")
    return found


@dataclass(frozen=True)
class Intruder:
    """Calls routes with ids, as someone of a school who may do everything there."""

    system: System
    http: httpx.AsyncClient
    tickets: Mapping[str, str]
    """What B was given to see the learner whom A offers, by route."""

    async def ask(self, asked: Asking, uai: str, ids: Ids) -> httpx.Response:
        route = asked.route
        path = route.path.format_map(
            {"uai": uai, "purpose": "identity", "name": "created", "diploma": DIPLOMA, **ids}
        )
        headers = {
            "Authorization": f"Bearer {self._token(route, uai)}",
            "Idempotency-Key": str(uuid4()),
            "If-Match": '"1"',
            "Cpro-Ticket": self.tickets.get(asked.key, ""),
        }
        sent: dict[str, Any] = {}
        if body := BODIES.get(asked.key):
            sent["json"] = body(ids)
        elif route.path.endswith("/attachments") and route.method == "POST":
            headers |= {
                "Content-Type": "application/pdf", "Content-Disposition": "attachment; filename=x",
            }  # fmt: skip
            sent["content"] = b"%PDF-1.7\nx"
        url = self.system.urls[route.service] + path
        return await self.http.request(route.method, url, headers=headers, **sent)

    def _token(self, route: Route, uai: str) -> str:
        if route.action is None:
            return owned.inspection_of(self.system, uai, MEF)
        if route.path.startswith("/console"):
            return self.system.sign(
                {"sub": owned.VISITOR, "academies": {owned.ACADEMIE: ["inspecteur"]}}
            )
        scope = "" if RIGHTS[route.action] else "records:write"
        return self.system.sign({"sub": uai, "schools": {uai: list(Role)}, "scope": scope})


def tries(asked: Asking, theirs: Ids, own: Ids) -> Iterator[tuple[Ids, Ids]]:
    """What is sent, and the same with ids that nothing has in the place of those of others: each
    name once with theirs beside one's own, where one has some, and all of them theirs.
    """
    names, there, here = asked.names, named(theirs, asked), named(own, asked)
    for foreign in product((False, True), repeat=len(names)):
        chosen = dict(zip(names, foreign, strict=True))
        if any(foreign) and all(chosen[name] or here[name] for name in names):
            yield (
                {name: there[name] if chosen[name] else here[name] for name in names},
                {name: nothing(name) if chosen[name] else here[name] for name in names},
            )


def nothing(name: str) -> str:
    """An id that nothing has."""
    return "0" * 64 if name == "digest" else UNKNOWN


def plain(answer: httpx.Response, ids: Ids) -> tuple[int, str]:
    """An answer without the ids that were sent."""
    text = answer.text
    for one in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(one, "…")
    return answer.status_code, text


READS = {
    "POST /schools/{uai}/records/search", "POST /schools/{uai}/pupils/by-ids",
    "POST /schools/{uai}/pupils/{pupil_id}/why", "POST /inspection/counts",
    "POST /console/schools/{uai}/diplomas/{diploma}/record-counts",
}  # fmt: skip
"""What is read by POST."""


async def check_try(intruder: Intruder, asked: Asking, sent: Ids, empty: Ids) -> None:
    """The ids of others are as good as none, and nothing is told."""
    answer = await intruder.ask(asked, C, sent)
    baseline = await intruder.ask(asked, C, empty)
    about = f"{asked.key} {sent}: {answer.status_code} {answer.text}"
    assert plain(answer, sent) == plain(baseline, empty), f"{about}, of none: {baseline.text}"
    refused = answer.status_code in {403, 404, 409, 422}
    reads = asked.route.method == "GET" or asked.key in READS
    assert refused or (reads and answer.status_code == 200), about
    assert not any(secret in answer.text for secret in owned.SECRETS), about


@pytest.fixture
async def theirs(everyone: System, known: Known) -> Ids:
    """The ids of what A has, beside what it has moved to B."""
    await owned.register(everyone, C)
    await owned.subscribe(everyone, A, C)
    async with everyone.school(A) as a:
        have = await belongings(a, B)
        imports = (await a.call("siecle_import", "GET", "/imports")).json()["imports"]
        closed = next(one for one in await a.transfers() if one["state"] == "closed")
    return {
        **have,
        "import_id": imports[0]["id"],
        "transfer_id": closed["id"],
        **await doubted(everyone.database_urls["transfer"]),
    }


async def doubted(transfer: str) -> Ids:
    """Have `transfer` hear of two learners who may be one: they wait for an opinion."""
    left, came = departure(A, keys(1)), arrival(B, keys(1, born=2))
    base = await Database.open(transfer, 1)
    async with base.transaction() as transaction:
        await handle(transaction, Batch([left, came, imported(B, 9)]))
    await base.close()
    return {"origin_pupil": str(left.pupil_id), "destination_pupil": str(came.pupil_id)}


TICKETS = {
    "GET /schools/{uai}/offers/{transfer_id}/learner": "identity",
    "GET /schools/{uai}/offers/{transfer_id}/suggestions": "suggest",
    "POST /schools/{uai}/offers/{transfer_id}/learner": "create",
}


async def tickets(system: System, http: httpx.AsyncClient, offer: str) -> Mapping[str, str]:
    """What B is given to see who is offered, by the route that wants it."""
    token = {"Authorization": f"Bearer {system.sign({'sub': B, 'schools': {B: ['direction']}})}"}
    given = {}
    for key, purpose in TICKETS.items():
        url = f"{system.urls['transfer']}/schools/{B}/offers/{offer}/ticket/{purpose}"
        given[key] = (await http.post(url, headers=token)).json()["ticket"]
    return given


async def held(system: System) -> dict[str, list[bytes]]:
    """All that the services hold, but for what they note of tries as well: the looks of inspectors,
    and who has asked « Pourquoi ? ».
    """
    noted = {"inspector_access": ("look", "visit"), "transfer": ("act",)}
    return {
        name: sorted((await dump(url, noted.get(name, ()))).splitlines())
        for name, url in system.database_urls.items()
    }


def when(asked: Asking) -> int:
    """The owner reads first, and erases and removes last."""
    if asked.key in READS:
        return 0
    last = "erasure" in asked.route.path
    return 3 if last else {"GET": 0, "POST": 1, "PUT": 1, "DELETE": 2}[asked.route.method]


async def check_found(intruder: Intruder, asked: Asking, ids: Ids) -> None:
    """The same request of the school to which the ids belong gets as far as what they name."""
    told, none = [], {name: nothing(name) for name in ids}
    for uai in (A, B):
        baseline = await intruder.ask(asked, uai, none)
        answer = await intruder.ask(asked, uai, ids)
        further = plain(answer, ids) != plain(baseline, none)
        if further and (answer.is_success or answer.status_code in {409, 412}):
            return
        told.append(f"{uai}: {answer.status_code} {answer.text}")
    raise AssertionError(f"{asked.key} does not find what it should: {told}")


async def test_ids_of_another_school_are_as_good_as_none(everyone: System, theirs: Ids) -> None:
    async with (
        httpx.AsyncClient(timeout=60) as http,
        everyone.school(C) as c,
    ):
        await c.switch(active=True)
        have = await belongings(c, B)
        own = {**have, "origin_pupil": have["gone"], "destination_pupil": have["pupil_id"]}
        given = await tickets(everyone, http, theirs["offered"])
        intruder = Intruder(everyone, http, given)
        before = await held(everyone)
        for asked in ROUTES:
            for sent, empty in tries(asked, theirs, own):
                await check_try(intruder, asked, sent, empty)
        after = await held(everyone)
        changed = {name: set(after[name]) ^ set(before[name]) for name in after}
        assert not any(changed.values()), changed
        for asked in sorted(ROUTES, key=when):
            await check_found(intruder, asked, named(theirs, asked))
