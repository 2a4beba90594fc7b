"""Who may do what, walked over every route of the service from the rights table."""

from docs.reference import service
from shared.rights import RIGHTS, SCOPES, Action, Role
from tests.integration.inspector_access.support import ACADEMIE, TNE, Access, Json
from tests.support.pupils import A, B

UNKNOWN = "01a20a95-27f1-7233-9408-3d93e472ae05"
TABS = f"/schools/{A}/inspector-access"
TABLES = f"/academies/{ACADEMIE}/tables/referents"
OPEN = f"/console/schools/{A}/diplomas/{TNE}"
ROUTES = {
    ("GET", TABS): Action.SEE_INSPECTORS,
    ("GET", f"{TABS}/{TNE}"): Action.SEE_INSPECTORS,
    ("GET", f"{TABS}/{TNE}/history"): Action.SEE_INSPECTORS,
    ("PUT", f"{TABS}/{TNE}"): Action.SWITCH_INSPECTORS,
    ("GET", f"{TABS}/log"): Action.HANDLE_DATA,
    ("POST", f"/schools/{A}/nomenclature"): Action.IMPORT,
    ("GET", TABLES): Action.MANAGE_DIPLOMAS,
    ("POST", TABLES): Action.MANAGE_DIPLOMAS,
    ("POST", f"{TABLES}/preview"): Action.MANAGE_DIPLOMAS,
    ("POST", f"/academies/{ACADEMIE}/nomenclature"): Action.MANAGE_DIPLOMAS,
    ("POST", f"/academies/{ACADEMIE}/referents/removal"): Action.MANAGE_DIPLOMAS,
    ("DELETE", f"/academies/{ACADEMIE}/subscriptions/{A}/{TNE}"): Action.MANAGE_DIPLOMAS,
    ("POST", "/sign-in"): Action.SIGN_IN,
    ("GET", "/console"): Action.INSPECT,
    ("GET", OPEN): Action.INSPECT,
    ("GET", f"{OPEN}/learners"): Action.INSPECT,
    ("GET", f"{OPEN}/learners/{UNKNOWN}"): Action.INSPECT,
    ("POST", f"{OPEN}/record-counts"): Action.INSPECT,
    ("GET", f"{OPEN}/learners/{UNKNOWN}/records"): Action.INSPECT,
    ("GET", f"{OPEN}/learners/{UNKNOWN}/records/{UNKNOWN}"): Action.INSPECT,
}
"""Every route of the service, with the row of the rights table that is to hold for it."""

FILLED = {
    "uai": A, "academie": ACADEMIE, "table": "referents", "diploma": TNE, "pupil_id": UNKNOWN,
    "record_id": UNKNOWN,
}  # fmt: skip


def test_the_walk_knows_every_route() -> None:
    paths = service("inspector_access").app().openapi()["paths"]
    found = {
        (method.upper(), path.format_map(FILLED))
        for path, methods in paths.items()
        if not path.startswith(("/health/", "/metrics", "/operations/"))
        for method in methods
    }
    assert found == set(ROUTES)


def holders(role: Role, path: str) -> list[Json]:
    """The claims of someone who has a role where the route is about, as the gateway signs them."""
    here = {"sub": UNKNOWN, "schools": {A: [role]}}
    academie = {"sub": UNKNOWN, "academies": {ACADEMIE: [role]}}
    of_school = role in (Role.DIRECTION, Role.GESTION, Role.DELEGATE)
    return [here] if of_school or (path.startswith("/schools/")) else [academie]


async def test_each_role_may_do_what_the_table_says_and_no_more(access: Access) -> None:
    await access.lycee()
    for (method, path), action in ROUTES.items():
        assert (await access.http.request(method, path)).status_code == 401, path
        for role in Role:
            in_school_only = role in (Role.DIRECTION, Role.GESTION, Role.DELEGATE)
            by_academie = path.startswith("/academies/")
            may = role in RIGHTS[action] and not (in_school_only and by_academie)
            for claims in holders(role, path):
                answer = await access.ask(method, path, claims)
                refused = answer.status_code == 403 and answer.json()["title"] == "Droit manquant"
                assert refused != may, (method, path, role, answer.text)
        for scope, actions in SCOPES.items():
            answer = await access.ask(method, path, {"sub": "module", "scope": scope})
            allowed = action in actions and not path.startswith("/academies/")
            assert (answer.status_code != 403) == allowed, (path, scope, answer.text)
        for elsewhere in (
            {"sub": UNKNOWN, "schools": {B: ["direction", "gestion"]}},
            {"sub": UNKNOWN, "academies": {"Lyon": ["admin-academique"]}},
        ):
            assert (await access.ask(method, path, elsewhere)).status_code == 403, path


async def test_a_wrong_uai_is_told(access: Access) -> None:
    for method, path in ROUTES:
        if A in path and not path.startswith("/console"):
            wrong = path.replace(A, "9990001A")
            claims = {"sub": "x", "academies": {ACADEMIE: ["admin-academique"]}}
            headers = {"If-Match": '"1"'}
            answer = await access.ask(method, wrong, claims, headers=headers)
            assert answer.status_code == 422, answer.text
            assert "UAI" in answer.json()["errors"][0]["message"]
