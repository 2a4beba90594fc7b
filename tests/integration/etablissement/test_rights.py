"""Every route against the rights table: who gets through, who is refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from fastapi.routing import APIRoute

from services.etablissement.api import cards, directory, schools, signin, user_tables, users
from shared.rights import RIGHTS, Action, Role
from tests.support.registry import A, B, Claims, Registry

ROUTERS = (schools.academies, schools.search, schools.router, directory.router, cards.router,
           users.router, user_tables.router, signin.router)  # fmt: skip
NOBODY = UUID(int=0)
_CARD, _USERS, _HEAD = "/schools/{uai}/card", "/schools/{uai}/users", "/schools/{uai}/head"
_SCHOOLS = "/academies/{academie}/schools"

ACTIONS = {
    ("GET", "/academies"): Action.MANAGE_SCHOOLS,
    ("POST", "/schools/search"): Action.FIND_SCHOOLS,
    ("POST", _SCHOOLS): Action.MANAGE_SCHOOLS,
    ("POST", f"{_SCHOOLS}/{{uai}}/closing"): Action.MANAGE_SCHOOLS,
    ("POST", f"{_SCHOOLS}/{{uai}}/reopening"): Action.MANAGE_SCHOOLS,
    ("GET", _CARD): Action.READ_SCHOOL,
    ("PUT", _CARD): Action.EDIT_SCHOOL,
    ("PUT", f"{_CARD}/identity"): Action.NAME_SCHOOL,
    ("GET", f"{_CARD}/history"): Action.READ_SCHOOL,
    ("GET", "/schools/{uai}/readiness"): Action.READ_SCHOOL,
    ("GET", _USERS): Action.READ_USERS,
    ("POST", _USERS): Action.MANAGE_USERS,
    ("POST", _HEAD): Action.INVITE_HEAD,
    ("DELETE", f"{_USERS}/rights/{{right}}"): Action.MANAGE_USERS,
    ("DELETE", f"{_HEAD}/{{right}}"): Action.INVITE_HEAD,
    ("GET", f"{_USERS}/history"): Action.READ_USERS,
    ("POST", f"{_USERS}/table/preview"): Action.MANAGE_USERS,
    ("POST", f"{_USERS}/table"): Action.MANAGE_USERS,
    ("POST", "/sign-in"): Action.SIGN_IN,
    ("GET", "/persons/{person}/rights"): Action.SIGN_IN,
    ("POST", "/holders"): Action.READ_HOLDERS,
}
"""What each route does; those of `/directory` are for the national administrator alone."""

NATIONAL_ONLY = {
    ("POST", "/directory"),
    ("GET", "/directory/{import_id}"),
    ("POST", "/directory/{import_id}/application"),
}


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    action: Action | None


def calls(school: str = A, academie: str = "Lyon") -> Iterator[Call]:
    places = {"{uai}": school, "{academie}": academie}
    places |= dict.fromkeys(("{right}", "{person}", "{import_id}"), str(NOBODY))
    for method, path in sorted({*ACTIONS, *NATIONAL_ONLY}):
        concrete = path
        for place, value in places.items():
            concrete = concrete.replace(place, value)
        yield Call(method, concrete, ACTIONS.get((method, path)))


async def refused(registry: Registry, claims: Claims, call: Call) -> bool:
    """Whether the right is missing; what is sent is such that nothing is ever done."""
    answer = await registry.answer(claims, call.method, call.path, json={"x": 1}, version=99)
    return answer.status_code == 403


def test_the_walk_knows_every_route() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    found = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert found == {*ACTIONS, *NATIONAL_ONLY}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_gets_through_where_the_table_says(registry: Registry, role: Role) -> None:
    await registry.has(A)
    everywhere = "*" if role is Role.NATIONAL else "Lyon"
    claims = {"sub": "p", "schools": {A: [role]}, "academies": {everywhere: [role]}}
    for call in calls():
        allowed = role is Role.NATIONAL if call.action is None else role in RIGHTS[call.action]
        assert await refused(registry, claims, call) is not allowed, call


@pytest.mark.parametrize("role", list(Role))
async def test_a_right_elsewhere_opens_nothing_here(registry: Registry, role: Role) -> None:
    await registry.has(A)
    claims = {"sub": "p", "schools": {B: [role]}, "academies": {"Créteil": [role]}}
    for call in calls():
        if call.path not in ("/schools/search", "/academies"):
            assert await refused(registry, claims, call), call


async def test_who_is_not_signed_in_gets_nowhere(registry: Registry) -> None:
    for call in calls():
        answer = await registry.http.request(call.method, call.path)
        assert answer.status_code == 401, call
