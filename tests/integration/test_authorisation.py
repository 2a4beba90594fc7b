"""Every route of every service with no token, a bad one, another right, another school.

Generated from the table of rights (tests/support/rights.py) and the table of routes there. The
gateway's pages are walked in a browser's way (tests/e2e/test_every_page.py).
"""

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from deploy.local.tokens import service_key_file
from docs.reference import SERVICES, service
from shared.rights import RIGHTS, SCOPES, SERVICE_SCOPES, Action, Role
from shared.signing import Signer
from tests.integration.test_story import A, B
from tests.support import rights
from tests.support.routes import TABLE, UNKNOWN, Route, every_route
from tests.support.system import System

Claims = Mapping[str, object]
HERE, THERE = "Normandie", "Lyon"
ROUTES = list(every_route())
SOMEWHERE = {Action.FIND_SCHOOLS, Action.INSPECT}
"""What belongs to no school: the role may be held anywhere."""

SENT: Mapping[str, Any] = {
    "json": {"x": 1},
    "headers": {"Idempotency-Key": "x", "If-Match": '"99"'},
}
"""Such that nothing is ever done."""


def test_the_walk_knows_every_route() -> None:
    found = {
        (name, method.upper(), path)
        for name in SERVICES
        if name != "gateway"
        for path, methods in service(name).app().openapi()["paths"].items()
        if not path.startswith(("/health/", "/metrics"))
        for method in methods
    }
    assert found == {(one.service, one.method, one.path) for one in ROUTES}


def test_the_rights_are_those_of_the_table() -> None:
    assert RIGHTS == rights.PERSONS
    granted = {name: set[Action]() for name in rights.SERVICES}
    for name, scopes in SERVICE_SCOPES.items():
        granted[name] = set[Action]().union(*(SCOPES[scope] for scope in scopes.split()))
    assert granted == rights.SERVICES
    between = {scope for scopes in SERVICE_SCOPES.values() for scope in scopes.split()}
    modules = {scope: set(does) for scope, does in SCOPES.items() if scope not in between}
    assert modules == rights.MODULES


def test_every_action_is_what_some_route_or_page_does() -> None:
    in_pages = {Action.NAME_DIPLOMAS, Action.OWN_PASSEPORT}
    """One within a route of diplomas; one of the gateway."""
    assert {one.action for one in ROUTES} - {None} == set(Action) - in_pages


class Walk:
    """Calls routes with tokens, several at once; nothing is there that they could change."""

    def __init__(self, system: System, http: httpx.AsyncClient) -> None:
        self.system = system
        self._http = http
        self._at_once = asyncio.Semaphore(8)

    async def ask(
        self, route: Route, token: str | None, *, uai: str = A, sent: Mapping[str, Any] = SENT
    ) -> httpx.Response:
        headers = {**sent["headers"], **({"Authorization": f"Bearer {token}"} if token else {})}
        url = self.system.urls[route.service] + route.filled(uai, HERE)
        async with self._at_once:
            return await self._http.request(route.method, url, json=sent["json"], headers=headers)

    async def check(self, route: Route, claims: Claims, *, allowed: bool) -> None:
        """Whoever has these claims gets through exactly if he is allowed to."""
        answer = await self.ask(route, self.system.sign(claims))
        self.judge(route, claims, answer, allowed=allowed)

    def token_of(self, service: str) -> str:
        """What a service signs for itself."""
        client = Signer.from_file(service_key_file(self.system.keys, service)).client("http://x")
        return client.headers["Authorization"].removeprefix("Bearer ")

    @staticmethod
    def judge(route: Route, claims: object, answer: httpx.Response, *, allowed: bool) -> None:
        """Whether an answer lets someone through who is allowed to, and no one else."""
        if route.action is None:
            # Owners take inspectors from `inspector_access` alone: no other token is one.
            check(answer, 401)
        elif allowed:
            refused = answer.status_code == 403 and "droit-manquant" in answer.text
            assert not refused, (route, claims)
            assert answer.status_code != 401, (route, claims, answer.text)
            assert answer.status_code < 500, (route, claims, answer.text)
        else:
            assert answer.status_code == 403, (route, claims, answer.status_code, answer.text)
            check(answer, 403, "Droit manquant")


@pytest.fixture
async def walk(everyone: System) -> Any:
    async with httpx.AsyncClient(timeout=60) as http:
        yield Walk(everyone, http)


SAFE = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""What every answer of a service carries."""


def check(response: httpx.Response, status: int, title: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert SAFE.items() <= response.headers.items()
    assert "server" not in response.headers, "what runs here is no one's business"
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"].startswith("urn:cpro:probleme:")
    assert title is None or problem["title"] == title


def held(route: Route, *roles: Role) -> Claims:
    """Claims of someone who has these roles where the route is about."""
    if route.path.startswith("/schools/{uai}"):
        return {"sub": UNKNOWN, "schools": {A: roles}}
    academie = "*" if route.path.startswith("/directory") else HERE
    return {"sub": UNKNOWN, "academies": {academie: roles}}


async def test_every_route_refuses_who_is_not_signed_in(walk: Walk) -> None:
    of_a: Claims = {"sub": "x", "schools": {A: ["direction"]}, "academies": {"*": list(Role)}}
    now = int(time.time())
    forged = jwt.encode(
        {"alg": "Ed25519", "kid": "test"},
        {**of_a, "aud": "cpro", "exp": now + 60},
        OKPKey.generate_key("Ed25519", {"kid": "test"}),
        algorithms=["Ed25519"],
    )
    expired = walk.system.sign({**of_a, "exp": now - 3600})

    async def one(route: Route) -> None:
        for token in (None, forged, expired):
            check(await walk.ask(route, token), 401, "Authentification requise")

    await asyncio.gather(*map(one, ROUTES))


async def test_every_service_refuses_what_is_no_token_for_it(walk: Walk) -> None:
    of_a: Claims = {"sub": "x", "schools": {A: ["direction"]}}
    unfit = (
        "not.a.token",
        walk.system.sign({**of_a, "aud": "another"}),
        walk.system.sign({"schools": {A: ["direction"]}}),
        walk.system.sign({**of_a, "schools": {A: ["unknown-role"]}}),
        *hostile(),
    )
    for name in TABLE:
        route = next(one for one in ROUTES if one.service == name and "{uai}" in one.path)
        for token in unfit:
            check(await walk.ask(route, token), 401, "Authentification requise")


def hostile() -> Iterator[str]:
    """Tokens whose header is made to end the reader."""
    headers: tuple[Any, ...] = (
        {"alg": "Ed25519", "crit": [1]}, {"alg": 7}, {"alg": "none"}, [], "x",
    )  # fmt: skip
    for header in headers:
        encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
        yield f"{encoded}.e30.AAAA"


async def test_each_role_gets_through_where_the_table_says_and_nowhere_else(walk: Walk) -> None:
    async def one(route: Route) -> None:
        roles = rights.PERSONS[route.action] if route.action else frozenset[Role]()
        for role in Role:
            await walk.check(route, held(route, role), allowed=role in roles)
        await walk.check(route, held(route), allowed=False)

    await asyncio.gather(*map(one, ROUTES))


async def test_a_right_elsewhere_opens_nothing_here(walk: Walk) -> None:
    everything = list(Role)

    async def one(route: Route) -> None:
        claims: list[Claims] = [{"sub": "x", "scope": "unknown"}]
        if route.action not in SOMEWHERE and route.path != "/academies":
            claims.append({"schools": {B: everything}, "academies": {THERE: everything}})
            in_school = route.path.startswith("/schools/{uai}")
            claims.append(
                {"academies" if in_school else "schools": {"*" if in_school else A: everything}}
            )
        for claim in claims:
            await walk.check(route, {"sub": UNKNOWN, **claim}, allowed=False)

    await asyncio.gather(*map(one, ROUTES))


async def test_a_module_gets_through_where_its_scope_says_and_nowhere_else(walk: Walk) -> None:
    async def one(route: Route) -> None:
        in_academie = route.path.startswith(("/academies/", "/directory"))
        for scope, actions in rights.MODULES.items():
            fits = route.action in actions and not in_academie
            claims = {"sub": "module", "scope": scope, "learner": {"uai": A, "pupil": UNKNOWN}}
            await walk.check(route, claims, allowed=fits)

    await asyncio.gather(*map(one, ROUTES))


async def test_a_service_gets_through_where_the_table_says_and_nowhere_else(walk: Walk) -> None:
    async def one(route: Route) -> None:
        for name, actions in rights.SERVICES.items():
            answer = await walk.ask(route, walk.token_of(name))
            walk.judge(route, name, answer, allowed=route.action in actions)

    await asyncio.gather(*map(one, ROUTES))


async def test_only_the_nation_names_diplomas(walk: Walk) -> None:
    for route in ROUTES:
        if "{table}" in route.path and route.method == "POST":
            of_diplomas = replace(route, path=route.path.replace("{table}", "diplomes"))
            for role in Role:
                token = walk.system.sign(held(route, role))
                answer = await walk.ask(of_diplomas, token)
                refused = role not in rights.PERSONS[Action.NAME_DIPLOMAS]
                assert (answer.status_code == 403) == refused, (role, answer.text)


async def test_a_wrong_uai_is_told(walk: Walk) -> None:
    everywhere = {HERE: list(Role), "*": list(Role)}
    token = walk.system.sign({"sub": UNKNOWN, "scope": " ".join(SCOPES), "academies": everywhere})

    async def one(route: Route, uai: str) -> None:
        answer = await walk.ask(route, token, uai=uai)
        check(answer, 422, "Saisie invalide")
        assert any("UAI" in error["message"] for error in answer.json()["errors"]), route

    in_schools = [route for route in ROUTES if "{uai}" in route.path]
    await asyncio.gather(*(one(route, "9990001A") for route in in_schools))
    for uai in ("abc", "99900011", "9990001X9990001X"):
        await one(in_schools[0], uai)
