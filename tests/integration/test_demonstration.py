"""What `make up` shows: every state of a transfer, under the name that `CASES` gives it."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deploy.local.client import Json, School, Sign
from deploy.local.people import CFA, A, B
from deploy.local.seed import Seed
from deploy.local.seeds import demonstration
from deploy.local.seeds.demonstration import CASES, Demonstration
from services.dossier.__main__ import service as dossier
from services.etablissement.__main__ import service as etablissement
from services.inspector_access.__main__ import service as inspector_access
from services.siecle_import.__main__ import service as siecle_import
from services.transfer.__main__ import service as transfer
from shared.service import Service
from tests.support.system import TODAY, System, running

SERVICES = (etablissement, siecle_import, transfer, dossier, inspector_access)
NOW = dt.datetime.combine(TODAY, dt.time(8), ZoneInfo("Europe/Paris"))


@pytest.fixture
async def shown(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    databases = {one.name: await new_database(one) for one in SERVICES}
    async with running(SERVICES, databases, vhost, keys, sign) as system:
        seed = Seed(system.urls, sign)
        await seed.everything(
            {
                "CPRO_DATABASE_URL": databases["etablissement"], "CPRO_AMQP_URL": vhost,
                "CPRO_ENVIRONMENT": "local", "CPRO_TODAY": TODAY.isoformat(),
            }
        )  # fmt: skip
        await seed.further()
        assert await Demonstration(system.urls, sign, NOW).play()
        yield system


async def names_of(school: School) -> dict[str, str]:
    """The cases that a school knows, by the id of their learner."""
    found: dict[str, str] = {}
    for family in CASES:
        answer = await school.call(
            "siecle_import", "POST", "/pupils/search", json={"name": family},
            headers={"Idempotency-Key": secrets.token_hex(4)},
        )  # fmt: skip
        found |= {one["id"]: family for one in answer.json()["pupils"]}
    return found


async def told(school: School, path: str) -> Json:
    found: Json = (await school.call("transfer", "GET", path)).json()
    return found


async def test_the_demonstration_shows_each_state_once(shown: System, sign: Sign) -> None:
    async with shown.school(A) as a, shown.school(B) as b, shown.school(CFA) as cfa:
        names = {**await names_of(a), **await names_of(b), **await names_of(cfa)}
        states = {
            (names.get(t["pupil_id"], ""), t["kind"], t["state"]) for t in await a.transfers()
        }
        assert states == {
            ("MORVAN", "automatic", "closed"), ("KELLER", "automatic", "closed"),
            ("LAMBERT", "automatic", "closed"), ("LEBRUN", "automatic", "reversed"),
            ("LEBRUN", "reversal", "closed"), ("COLAS", "by-hand", "offered"),
            ("DUVAL", "by-hand", "closed"), ("FABRE", "by-hand", "refused"),
            ("GUÉRIN", "by-hand", "cancelled"), ("", "by-hand", "offered"),
        }  # fmt: skip
        asked = [t["pupil_id"] for t in await a.transfers() if t["return_asked_at"]]
        assert [names[pupil] for pupil in asked] == ["LAMBERT"]
        left = (await told(a, "/departures"))["departures"]
        waits = {names[one["pupil_id"]]: one["status"]["code"] for one in left}
        assert waits["PELTIER"] == "no-arrival"
        assert waits["GARNIER"] == "birth-differs"
        assert waits["ROUSSEL"] == "opposition"
        by_hand = {name for name, code in waits.items() if code == "no-ine"}
        assert {"BADIER", "BAHANS"} <= by_hand
        expected = (await told(a, "/arrivals/expected"))["expected"]
        assert [names[one["pupil_id"]] for one in expected] == ["HAMON"]
        counted = sum(len(one) for one in (demonstration.A_STAY, demonstration.B_STAY))
        counted += len(demonstration.COLLEGE_STAY) + len(demonstration.AT_CFA)
        assert counted + len(demonstration.MOVE) + len(demonstration.BY_HAND) + 3 == 300
        assert not await Demonstration(shown.urls, sign, NOW).play(), "again: nothing to do"
