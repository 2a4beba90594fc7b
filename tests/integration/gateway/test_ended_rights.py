"""Someone whose right has just ended: the session is open for hours, and no form of it writes."""

from uuid import uuid4

import httpx

from shared.database import Database
from shared.rights import Action
from tests.integration.gateway.support import SCHOOL, Place, newcomer, token
from tests.support.forms import Way, ways

FORMS = [one for one in ways() if one.is_form and one.action not in {None, Action.READ_PUPILS}]
"""All but the choice of the school, which asks by itself, and two searches."""

SESSION = "schools, academies, school, school_name, school_roles"


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
