"""Files made for a test, sent as the staff of a school sends them."""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx

from deploy.local.client import Json, School
from services.siecle_import.erasing import erase, forget
from shared.database import Database
from tests.unit.siecle_import.files import document, eleve, latin9, structures

ENDED = {"ready", "seen", "refused", "failed", "applied"}
FIRST = dt.datetime(2025, 9, 15, 18, 2, 31)  # noqa: DTZ001 - as SIECLE writes it


def ine(number: int) -> str:
    """An INE of the right shape, different for each number."""
    return f"{990000000 + number:09d}AA"


def export(
    *pupils: int | Mapping[str, Any],
    day: int = 0,
    division: str = "2MELEC",
    year: int = 2025,
) -> bytes:
    """The export of a school, so many days after the first: each pupil a number, or his tags with
    his number as `n`.
    """
    given: list[Mapping[str, Any]] = [{"n": p} if isinstance(p, int) else p for p in pupils]
    lines = []
    for tags in given:
        number = int(tags["n"])
        usual = {"ID_NATIONAL": ine(number), "NOM_DE_FAMILLE": f"NOM{number:03d}"}
        others = {name: value for name, value in tags.items() if name != "n"}
        lines.append(eleve(str(700000 + number), **{**usual, **others}))
    moment = FIRST + dt.timedelta(days=day)
    parameters = (
        f"<UAJ>9990001X</UAJ><ANNEE_SCOLAIRE>{year}</ANNEE_SCOLAIRE>"
        f"<HORODATAGE>{moment:%d/%m/%Y %H:%M:%S}</HORODATAGE>"
    )
    classes = "".join(structures(str(700000 + int(tags["n"])), division) for tags in given)
    return latin9(document("".join(lines), classes, parameters))


async def send(school: School, content: bytes, name: str = "eleves.xml") -> Json:
    """Send a file and wait until it is read."""
    headers = {
        "Idempotency-Key": str(uuid4()),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    sent = await school.call("siecle_import", "POST", "/imports", content=content, headers=headers)
    assert sent.status_code == 202, sent.text
    return await school.wait_for_import(sent.json()["id"], ENDED)


async def apply(school: School, content: bytes) -> Json:
    """Send a file and have it applied, all that is asked being confirmed."""
    return await school.confirm(await send(school, content))


async def post(school: School, path: str, **options: Any) -> httpx.Response:
    """A POST to the service as the head of the school."""
    headers = {"Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
    return await school.call("siecle_import", "POST", path, headers=headers, **options)


async def learners(school: School, **wanted: Any) -> list[Json]:
    """What a search among the school's learners finds."""
    answer = await post(school, "/pupils/search", json=wanted)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["pupils"]
    return found


async def entries(school: School, found: Json, name: str) -> Sequence[Json]:
    """A list of an import."""
    route = f"/imports/{found['id']}/lists/{name}"
    answer = await school.call("siecle_import", "GET", route)
    assert answer.status_code == 200, answer.text
    listed: list[Json] = answer.json()["entries"]
    return listed


async def erased(
    base: Database, now: dt.datetime, under_way: Collection[str] = (), *, months: int = 24
) -> int:
    """What the service does each hour at that moment; transfers of learners may be `under_way`."""

    async def ask(pupils: Sequence[UUID]) -> Collection[UUID]:
        return {pupil for pupil in pupils if str(pupil) in under_way}

    await forget(base, now)
    return await erase(base, now, ask, months=months)


async def events(base: Database, kind: str = "%") -> list[Json]:
    """The data of the events told so far, in their order."""
    async with base.connection() as connection:
        rows = await connection.fetch(
            "SELECT envelope FROM told WHERE routing_key LIKE $1 ORDER BY id", kind
        )
    return [json.loads(row["envelope"])["data"] for row in rows]
