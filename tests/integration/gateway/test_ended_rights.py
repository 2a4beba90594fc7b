"""Someone whose right has just ended: the session is open for hours, and no form of it writes."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from shared.database import Database
from shared.rights import Action
from tests.integration.gateway.support import Place
from tests.support.forms import Way, ways

SCHOOL, OTHER = "9990001X", "9990002Y"
FORMS = [one for one in ways() if one.is_form and one.action not in {None, Action.READ_PUPILS}]
"""All but the choice of the school, which asks by itself, and two searches."""

SESSION = "schools, academies, school, school_name, school_roles"


@pytest.fixture
async def registry(place: Place) -> AsyncIterator[Database]:
    """The base in which rights live."""
    base = await Database.open(place.system.database_urls["etablissement"], 1)
    yield base
    await base.close()


async def newcomer(place: Place, registry: Database, role: str) -> None:
    """Have someone sign in who has this role for the school, and a small right in another one."""
    person, name = uuid4(), f"sortant-{role}"
    await registry.pool.execute(
        "INSERT INTO person (id, email, invited_at) VALUES ($1, $2, now())",
        person, f"{name}@demo.example",
    )  # fmt: skip
    where = ("*", None) if role == "admin-national" else (None, SCHOOL)
    for held, (academie, uai) in ((role, where), ("delegation", (None, OTHER))):
        await registry.pool.execute(
            """
            INSERT INTO held_right
                (id, person, role, academie, uai, valid_from, given_by, given_at)
            VALUES (gen_random_uuid(), $1, $2, $3, $4, '2020-01-01', 'x', now())
            """,
            person, held, academie, uai,
        )  # fmt: skip
    place.provider.claims = {"sub": name, "email": f"{name}@demo.example"}
    await place.sign_in()
    choice = {"csrf": await token(place), "pour": OTHER, "uai": SCHOOL}
    chosen = await place.http.post("/choix-etablissement", data=choice)
    if chosen.status_code == 409:  # the session was about no school yet
        chosen = await place.http.post("/choix-etablissement", data=choice | {"pour": ""})
    assert chosen.status_code == 303, chosen.text


async def token(place: Place) -> str:
    found: str = await place.database.pool.fetchval("SELECT csrf FROM sessions")
    return found


async def send(place: Place, way: Way, csrf: str) -> httpx.Response:
    path = way.path.replace("{kind}", "logo").replace("{academie}", "Normandie")
    while "{" in path:
        path = f"{path.partition('{')[0]}{uuid4()}{path.partition('}')[2]}"
    form = {"csrf": csrf, "pour": SCHOOL}
    files = {"fichier": ("x", b"x")} if way.takes_file else None
    return await place.http.post(path, data=form, files=files)


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and "Droit manquant" in answer.text


async def test_no_form_is_done_by_someone_whose_right_has_just_ended(
    place: Place, registry: Database
) -> None:
    allowed: set[str] = set()
    for role in ("direction", "admin-national"):
        await newcomer(place, registry, role)
        csrf = await token(place)
        kept = await place.database.pool.fetchrow(f"SELECT {SESSION} FROM sessions")
        open_to = [way for way in FORMS if not refused(await send(place, way, csrf))]
        allowed |= {way.path for way in open_to}
        await registry.pool.execute(
            "UPDATE held_right SET valid_until = '2020-01-02' "
            "WHERE role = $1 AND person = (SELECT id FROM person WHERE email = $2)",
            role, place.provider.claims["email"],
        )  # fmt: skip
        for way in open_to:
            await place.database.pool.execute(
                f"UPDATE sessions SET ask_again_at = '2099-01-01', "
                f"({SESSION}) = ($1, $2, $3, $4, $5)",
                *(kept or ()),
            )
            answer = await send(place, way, csrf)
            assert refused(answer), f"{role}, {way.path}: {answer.status_code}"
        await place.database.pool.execute("TRUNCATE sessions, attempts")
    assert allowed == {way.path for way in FORMS}, "each is open to one of the two"
