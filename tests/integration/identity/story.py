"""All that schools, inspectors and operations do, done once with the 200 learners: what works, what
is refused, and what breaks.
"""

import asyncio
import datetime as dt
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg

from deploy.local import ROOT
from deploy.local.client import Json, School, Sign, eventually
from deploy.local.people import ADMINISTRATOR, CFA, COLLEGE, HEAD, INSPECTOR, OFFICE, A, B
from deploy.local.seeds.learners import Learner, export
from deploy.local.seeds.registry import TNE
from shared.events import PupilCreated
from shared.identifiers import Uai
from tests.integration.identity import learners as those
from tests.integration.identity.browser import Browser
from tests.integration.identity.search import found_in
from tests.integration.notifier.support import publish
from tests.integration.test_by_hand_story import ask, erase, offered, with_ticket
from tests.support.pupils import keys, pupil
from tests.support.system import TODAY

NOW = dt.datetime.combine(TODAY, dt.time(8), ZoneInfo("Europe/Paris"))
PAGES = 90
"""To be seen by each person."""

Environments = Mapping[str, Mapping[str, str]]


class Story:
    """The schools, reached at `urls`; `environments` is what each service was told, `databases`
    are theirs, for their owners.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        sign: Sign,
        environments: Environments,
        databases: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._urls = urls
        self._sign = sign
        self._environments = environments
        self._databases = databases
        self._folder = folder
        self.moved = ""
        """The id of a learner whose records have moved, in the school that he came to."""
        self.seen: list[Browser] = []

    async def play(self) -> None:
        """All of it."""
        async with (
            School(A, self._urls, self._sign) as a,
            School(B, self._urls, self._sign) as b,
            School(CFA, self._urls, self._sign) as cfa,
            School(COLLEGE, self._urls, self._sign) as college,
        ):
            await self._inspected(a)
            await self._autumn(a, b, cfa, college)
            await self._january(a, b)
            await self._people_decide(a, b)
            await self._by_hand(a, b)
            await self._about_one(b, self.moved)
            await self._merged_and_erased(cfa)
            await self._refused(a, cfa)
            await self._broken(college)
            await self._operations()
            await self._pages()

    async def _autumn(self, a: School, b: School, cfa: School, college: School) -> None:
        leaving = [*those.MOVE, *those.DOUBTFUL, *those.BY_HAND]
        moment = NOW - dt.timedelta(days=9)
        await asyncio.gather(
            self._import(a, moment, [*those.STAY_A, *leaving]),
            self._import(b, moment, those.STAY_B),
            self._import(college, moment, those.COLLEGE_STAY),
        )
        table = self._folder / f"{those.MARKS[0]}.csv"  # as when one learner is sent
        table.write_bytes(those.table(those.TABLE))
        await cfa.import_file(table)
        for one in those.ENTERED:
            await ask(cfa, "siecle_import", "POST", "/pupils", json=described(one))
        pupils = await self._known(a, leaving)
        await asyncio.gather(
            *(a.write_record(pupil, "bilan", "Bilan du trimestre") for pupil in pupils.values())
        )
        for school in (a, b, cfa):
            await school.switch(active=True)

    async def _january(self, a: School, b: School) -> None:
        moment = NOW - dt.timedelta(days=1)
        came = [*those.MOVE, *map(those.born_elsewhere, those.DOUBTFUL)]
        await self._import(a, moment, those.STAY_A)
        await self._import(b, moment, [*those.STAY_B, *came])
        await b.closed_transfer(len(those.MOVE))

    async def _import(
        self, school: School, moment: dt.datetime, learners: Iterable[Learner]
    ) -> None:
        path = self._folder / f"ElevesSansAdresses-{school.uai}.xml"
        path.write_bytes(export(school.uai, moment, learners))
        await school.import_file(path)

    async def _known(self, school: School, learners: Sequence[Learner]) -> dict[str, str]:
        """Ids by family name, found by name and by INE."""
        found = {}
        for one in learners:
            body = {"ine": one.ine} if one.has_ine else {"name": one.family}
            answer = await ask(school, "siecle_import", "POST", "/pupils/search", json=body)
            [pupil] = answer["pupils"]
            found[one.family] = pupil["id"]
        return found

    async def _people_decide(self, a: School, b: School) -> None:
        """An opinion of both sides, a reversal, a return that is asked for."""

        async def reviews() -> list[Json] | None:
            found = await b.reviews()
            return found if len(found) == len(those.DOUBTFUL) else None

        first, second, _ = await eventually(reviews, "the cases for people")
        for review, same in ((first, True), (second, False)):
            pair = {name: review[name] for name in ("origin_pupil", "destination_pupil")}
            for school in (b, a):
                await ask(school, "transfer", "POST", "/reviews", json=pair | {"same": same})
        moved = await b.closed_transfer(len(those.MOVE) + 1)
        self.moved = moved["pupil_id"]
        one, other = [t["id"] for t in await b.transfers() if t["kind"] == "automatic"][-2:]
        wrong, wanted = {"because": "wrong-school"}, {"because": "family-request"}
        await ask(b, "transfer", "POST", f"/transfers/{one}/reversal", json=wrong)
        await ask(a, "transfer", "POST", f"/transfers/{other}/return", json=wanted)

    async def _by_hand(self, a: School, b: School) -> None:
        """Offers: accepted with a new learner, refused, taken back, left open."""
        pupils = await self._known(a, those.BY_HAND)
        offers = [await offered(a, pupil) for pupil in pupils.values()]
        await with_ticket(b, offers[0], "identity", "GET", "/learner")
        await with_ticket(b, offers[0], "suggest", "GET", "/suggestions")
        made = await with_ticket(b, offers[0], "create", "POST", "/learner")
        path, body = f"/offers/{offers[0]}/acceptance", {"pupil_id": made["id"]}
        await ask(b, "transfer", "POST", path, json=body)
        because = {"because": "not-enrolled"}
        await ask(b, "transfer", "POST", f"/offers/{offers[1]}/refusal", json=because)
        await ask(a, "transfer", "DELETE", f"/offers/{offers[2]}")

    async def _about_one(self, school: School, pupil: str) -> None:
        """All that can be asked about a learner, and written of him."""
        path = f"/pupils/{pupil}"
        await ask(school, "dossier", "POST", f"{path}/remarks", json={"text": "À revoir."})
        await ask(school, "transfer", "PUT", f"{path}/opposition")
        await ask(school, "transfer", "POST", f"{path}/why", json={"because": "check"})
        for service in ("siecle_import", "dossier", "transfer"):
            await ask(school, service, "GET", f"{path}/export")
        for service in ("siecle_import", "dossier"):
            await ask(school, service, "GET", f"{path}/looks")

    async def _merged_and_erased(self, cfa: School) -> None:
        pupils = await self._known(cfa, those.ENTERED)
        survivor, merged, gone, *_ = pupils.values()
        pair = {"survivor": survivor, "merged": merged}
        await ask(cfa, "siecle_import", "POST", "/merges/preview", json=pair)
        done = await ask(
            cfa, "siecle_import", "POST", "/merges", json=pair | {"reason": "changement-de-nom"}
        )
        await ask(cfa, "siecle_import", "POST", f"/merges/{done['id']}/undo")
        left, body = {"If-Match": '"1"'}, {"on": TODAY.isoformat()}
        await ask(
            cfa, "siecle_import", "POST", f"/pupils/{gone}/departure", json=body, headers=left
        )

        async def erased() -> bool:
            answer = await erase(cfa, gone)
            assert answer.status_code in {204, 409}, answer.text
            return answer.is_success

        await eventually(erased, "the erasure, once all events about him have left")

    async def _refused(self, a: School, cfa: School) -> None:
        """Names where they do not belong, and files that are not what they should be."""
        one = those.STAY_A[0]
        right = described(one)
        for body in (
            right | {"birth_date": one.family}, right | {one.family: one.first},
            right | {"sex": one.first}, right | {"ine": [one.family]}, [one.family],
            right | {"family_name": one.family * 40}, right | {"birth_date": "31/02/2010"},
        ):  # fmt: skip
            await check_refused(a, "siecle_import", "POST", "/pupils", json=body)
        await check_refused(
            a, "siecle_import", "POST", "/pupils", content=f'{{"{one.family}'.encode()
        )
        await check_refused(a, "siecle_import", "POST", "/pupils/search", json={"ine": one.family})
        await check_refused(a, "transfer", "POST", "/offers", json={"offers": [right]})
        await check_refused(a, "transfer", "POST", "/reviews", json=right)
        await check_refused(
            a, "dossier", "POST", f"/pupils/{uuid4()}/remarks", json={one.family: ""}
        )
        whole = export(A, NOW, [one])
        for name, content in (
            ("coupe.xml", whole[: len(whole) // 2]),
            ("autre.xml", export(B, NOW, [one])),
            ("doctype.xml", whole.replace(b"<BEE", f"<!DOCTYPE a [{one.first}]><BEE".encode())),
        ):
            path = self._folder / name
            path.write_bytes(content)
            assert (await a.send_file(path))["state"] == "refused", name
        path = self._folder / "mauvais.csv"
        path.write_bytes(those.table(those.TABLE[:3]).replace(b"/2010", b"/2110"))
        await cfa.send_file(path)

    async def _broken(self, school: School) -> None:
        """The database of the pupils refuses a learner, by a message that repeats him; an event
        can't be handled.
        """
        async with refusing(self._databases["siecle_import"]):
            # An error of the server ends the connection: this call has one of its own.
            async with School(school.uai, self._urls, self._sign) as other:
                one = described(those.REFUSED)
                assert await call(other, "siecle_import", "POST", "/pupils", one) == 500
            path = self._folder / "ElevesSansAdresses.xml"
            path.write_bytes(export(school.uai, NOW, [*those.COLLEGE_STAY, those.REFUSED]))
            ready = await school.send_file(path)
            await call(school, "siecle_import", "POST", f"/imports/{ready['id']}/confirm", {})
            await school.wait_for_import(ready["id"], {"failed"})
        spoilt = pupil(PupilCreated, Uai(A), keys(1)).model_copy(update={"uai": "no UAI"})
        await publish(self._environments["transfer"]["CPRO_AMQP_URL"], spoilt)
        for service in ("transfer", "dossier"):
            parked = partial(counted, self._databases[service], "parked")
            await eventually(parked, f"{service} to park an event")

    async def _inspected(self, a: School) -> None:
        """A school opens its diplomas to the inspectors; one it closes, and opens again."""
        access = await ask(a, "inspector_access", "GET", "/inspector-access")
        for line in access["lines"]:
            version = line["version"]
            for active in (True, False, True) if line["diploma"] == TNE else (True,):
                path, told = f"/inspector-access/{line['diploma']}", {"If-Match": f'"{version}"'}
                now = await ask(
                    a, "inspector_access", "PUT", path, json={"active": active}, headers=told
                )
                version = now["version"]

    async def _operations(self) -> None:
        """Commands that are given an INE, or a file."""
        asked = ("explain", "--to", B, "--ine-stdin", "--because", "family-request")
        await self._run("transfer", *asked, given=f"{those.MOVE[0].ine}\n")
        await self._run("siecle_import", "republish")

    async def _run(self, service: str, *arguments: str, given: str = "") -> None:
        process = await create_subprocess_exec(
            sys.executable, "-m", f"services.{service}", *arguments, cwd=ROOT,
            env={**os.environ, **self._environments[service]},
            stdin=PIPE, stdout=DEVNULL, stderr=PIPE,
        )  # fmt: skip
        _, said = await process.communicate(given.encode())
        assert process.returncode == 0, said.decode()

    async def _pages(self) -> None:
        """Each kind of person wanders through the pages; heads search, and err."""
        one = those.STAY_A[1]
        for person in (HEAD, OFFICE, INSPECTOR, ADMINISTRATOR):
            async with Browser(self._urls["gateway"], person) as browser:
                if person is HEAD:
                    for form in ({"nom": one.family}, {"ine_cherche": one.ine}, {"nom": one.first}):
                        assert (await browser.send("/apprenants", **form)).is_success
                    wrong = {"nom_de_famille": one.family, "date_naissance": one.first}
                    await browser.send("/apprenants/nouveau", **wrong)
                    await browser.send("/apprenants", ine_cherche=one.family)
                await browser.wander(PAGES)
                self.seen.append(browser)


def described(one: Learner) -> Json:
    """A learner as staff enter him."""
    return {
        "family_name": one.family, "usage_name": those.USAGE, "first_name": one.first,
        "birth_date": one.born.isoformat(), "ine": [one.ine] if one.ine else [],
    }  # fmt: skip


async def call(school: School, service: str, method: str, path: str, body: Json) -> int:
    """The status of an answer."""
    headers = {"Idempotency-Key": str(uuid4())}
    answer = await school.call(service, method, path, json=body, headers=headers)
    return answer.status_code


async def check_refused(
    school: School, service: str, method: str, path: str, **options: Any
) -> None:
    """A call that is refused, by words that do not repeat what was sent."""
    headers = {"Idempotency-Key": str(uuid4())}
    answer = await school.call(service, method, path, headers=headers, **options)
    assert answer.is_client_error, f"{path}: {answer.status_code}"
    assert found_in(answer.content) == set(), answer.text


@asynccontextmanager
async def refusing(database_url: str) -> AsyncIterator[None]:
    """While the block runs, the database refuses one learner."""
    connection = await asyncpg.connect(database_url)
    rule = f"CHECK (family_name <> '{those.REFUSED.family}')"
    try:
        await connection.execute(f"ALTER TABLE pupil ADD CONSTRAINT broken {rule}")
        yield
        await connection.execute("ALTER TABLE pupil DROP CONSTRAINT broken")
    finally:
        await connection.close()


async def counted(database_url: str, table: str) -> int:
    """The rows of a table."""
    connection = await asyncpg.connect(database_url)
    number: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    await connection.close()
    return number
