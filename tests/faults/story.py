"""What happens in the schools while things break: learners leave and arrive, records are written,
switches are set. Staff repeat what was not answered, as people and modules do.
"""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.client import Json, School, UnexpectedAnswerError, eventually
from shared.web.problems import MEDIA_TYPE
from tests.faults.promises import promised
from tests.faults.stage import Stage
from tests.support.siecle import export
from tests.support.system import TODAY

SCHOOLS = ("9990001X", "9990002Y", "9990003Z", "9990004A")
LEARNERS = 28
ACADEMIE = "Normandie"
DIPLOMA = "2D-TNE"
ENDING = "2D-CIEL"
"""A diploma that one school is subscribed to for two days more: a jump of the clock closes it."""

FIRST_EXPORT = dt.datetime(2025, 9, 15, 8, tzinfo=dt.UTC)
NAMES = ("Ampère", "Bréguet", "Carnot", "Dolto", "Eiffel")
KINDS = ("bilan", "fiche", "evaluation")
PATIENCE = 90.0
"""Seconds within which a service answers again, whatever has happened to it."""

PAUSE = 0.1
NATIONAL = {"sub": "n", "name": "Mme Nation", "academies": {"*": ["admin-national"]}}
EVERYWHERE, IN_ONE = "valery@ac-demo.example", "aymerick@ac-demo.example"
TABLES = {
    "diplomes": f"code;libelle;mef\n{DIPLOMA};Transitions numérique et énergétique;24725502031\n"
    f"{ENDING};Cybersécurité, informatique et réseaux;24725503031\n",
    "inspecteurs": f"adresse;nom\n{EVERYWHERE};V\n{IN_ONE};A\n",
    "abonnements": "uai;diplome;debut;fin\n"
    + "".join(f"{uai};{DIPLOMA};01/09/2025;\n" for uai in SCHOOLS)
    + f"{SCHOOLS[1]};{ENDING};01/09/2025;{TODAY + dt.timedelta(days=2):%d/%m/%Y}\n",
    "referents": f"adresse;diplome;uai;debut;fin\n{EVERYWHERE};{DIPLOMA};;01/09/2025;\n"
    f"{EVERYWHERE};{ENDING};;01/09/2025;\n{IN_ONE};{DIPLOMA};{SCHOOLS[0]};01/09/2025;\n",
}


def concerned(uai: str, diploma: str) -> set[str]:
    """The addresses of those who are to be told of each change of a switch, after `TABLES`."""
    return {EVERYWHERE, IN_ONE} if (uai, diploma) == (SCHOOLS[0], DIPLOMA) else {EVERYWHERE}


async def answered(what: str, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The answer, asked for again as long as there is none or it says that it is not the moment.

    Raises:
        BrokenPromiseError: a defect was answered (500), or « not now » without saying when, or not
            as a problem; whatever breaks, no service may do that.
    """

    async def probe() -> httpx.Response | None:
        try:
            response = await ask()
        except httpx.TransportError:
            response = None
        if response is not None and not response.is_server_error:
            return response
        if response is not None:
            _check_not_now(what, response)
        await asyncio.sleep(PAUSE)
        return None

    return await eventually(probe, f"an answer to {what}", seconds=PATIENCE)


def _check_not_now(what: str, response: httpx.Response) -> None:
    unavailable = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    promised(unavailable, f"{what} was answered with {response.status_code}")
    promised(response.headers.get("Retry-After", "").isdigit(), f"{what}: 503 without Retry-After")
    promised(response.headers["Content-Type"] == MEDIA_TYPE, f"{what}: 503 that is no problem")


class Staff(School):
    """A school whose people and modules repeat what was not answered."""

    async def call(
        self, service: str, method: str, path: str, *, module: bool = False, **options: Any
    ) -> httpx.Response:
        """Call a route until it answers; the key of a creation is the same each time."""
        call = super().call
        return await answered(
            f"{service} {method} {path}",
            lambda: call(service, method, path, module=module, **options),
        )

    async def confirm(self, ready: Json, *, spared: Sequence[str] = ()) -> Json:
        """Confirm; a confirmation whose answer was lost is not taken twice."""
        try:
            return await super().confirm(ready, spared=spared)
        except UnexpectedAnswerError:
            return await self.wait_for_import(ready["id"], {"applied"})

    async def switch(self, *, active: bool) -> Json:
        """Set « Transferts »; when its answer was lost, the switch is read again and set again."""

        async def probe() -> Json | None:
            try:
                return await super(Staff, self).switch(active=active)
            except UnexpectedAnswerError:
                return None

        return await eventually(probe, f"the switch of {self.uai}", seconds=PATIENCE)

    async def put(self, service: str, path: str, change: Callable[[Json], Json]) -> None:
        """Read something and write it as changed, again if it was changed meanwhile."""
        for _ in range(5):
            seen = await self.call(service, "GET", path)
            etag = seen.headers.get("ETag") or f'"{seen.json()["version"]}"'
            told = {"If-Match": etag}
            done = await self.call(service, "PUT", path, json=change(seen.json()), headers=told)
            if done.is_success:
                return
        raise UnexpectedAnswerError(f"PUT {path}: {done.status_code} {done.text}")


@dataclass
class Story:
    """Schools, who is where, and which records were written of whom. `where` holds the school of
    each learner, `records` the learner of each record.
    """

    stage: Stage
    dice: random.Random
    schools: Mapping[str, Staff]
    http: httpx.AsyncClient
    where: dict[int, str] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    exports: int = 0

    async def opening(self) -> None:
        """The schools are registered, import, take part; one learner in two has a record."""
        for uai in SCHOOLS:
            card = {"uai": uai, "name": f"Lycée {uai}", "email": f"ce.{uai}@ac-demo.example"}
            await self._national("etablissement", f"/academies/{ACADEMIE}/schools", json=card)
        for number in range(1, LEARNERS + 1):
            self.where[number] = self.dice.choice(SCHOOLS)
        await asyncio.gather(
            self._inspection(),
            *(self._import(uai) for uai in SCHOOLS),
            *(school.switch(active=True) for school in self.schools.values()),
        )
        await self._switch_inspection(SCHOOLS[1], ENDING)
        await asyncio.gather(*(self._write(number) for number in range(1, LEARNERS + 1, 2)))

    async def round(self) -> None:
        """A part of each thing that happens; every service has something to do and to tell."""
        movers = self.dice.sample(sorted(self.where), 4)
        await asyncio.gather(
            self._move(movers),
            *(self._write(number) for number in self.dice.sample(range(1, LEARNERS + 1), 3)),
            self._switch_inspection(self.dice.choice(SCHOOLS)),
            self._switch_inspection(self.dice.choice(SCHOOLS)),
            self._change_card(self.dice.choice(SCHOOLS)),
            self._switch_transfers(self.dice.choice(SCHOOLS)),
            self.schools[self.dice.choice(SCHOOLS)].call("notifier", "GET", "/mails"),
        )

    async def ending(self) -> None:
        """All take part, so that the rule says of every learner where his records are."""
        await asyncio.gather(*(school.switch(active=True) for school in self.schools.values()))

    async def _national(
        self, service: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """POST as the administrator of the nation, who repeats it as well."""
        key = str(uuid4())
        url = self.stage.urls[service] + path

        async def ask() -> httpx.Response:
            token = {"Authorization": f"Bearer {self.stage.sign(NATIONAL)}"}
            told = {**token, "Idempotency-Key": key, **(headers or {})}
            return await self.http.post(url, headers=told, **options)

        return await answered(f"{service} POST {path}", ask)

    async def _inspection(self) -> None:
        """The tables of inspectors, each seen first, as soon as the schools are known there."""
        for name, content in TABLES.items():
            path = f"/academies/{ACADEMIE}/tables/{name}"

            async def right(path: str = path, content: str = content) -> str | None:
                seen = await self._national(
                    "inspector_access", f"{path}/preview", content=content.encode()
                )
                return seen.headers["ETag"] if seen.json().get("refused") == 0 else None

            etag = await eventually(right, f"the table {name} to be right")
            await self._national(
                "inspector_access", path, {"If-Match": etag}, content=content.encode()
            )

    async def _import(self, uai: str) -> None:
        """A school imports an export of those who are there."""
        self.exports += 1
        moment = FIRST_EXPORT + dt.timedelta(hours=self.exports)
        here = sorted(number for number, school in self.where.items() if school == uai)
        path = self.stage.folder / f"{self.exports:03d}-{uai}.xml"
        export(path, uai, f"{moment:%d/%m/%Y %H:%M:%S}", here)
        await self.schools[uai].import_file(path)

    async def _move(self, movers: Sequence[int]) -> None:
        """Learners leave for other schools, or come back; the schools import in any order."""
        touched = set()
        for number in movers:
            before = self.where[number]
            self.where[number] = self.dice.choice([uai for uai in SCHOOLS if uai != before])
            touched |= {before, self.where[number]}
        order = sorted(touched)
        self.dice.shuffle(order)
        for uai in order:
            await self._import(uai)

    async def _write(self, number: int) -> None:
        """A module writes a record of someone, where he is or has been before."""
        cards = await self.stage.rows(
            "siecle_import",
            "SELECT id::text, uai FROM pupil WHERE eleve_id = $1 ORDER BY active DESC, since DESC",
            str(number),
        )
        card = cards[0] if self.dice.random() < 0.7 else self.dice.choice(cards)
        kind = self.dice.choice(KINDS)
        record = await self.schools[card["uai"]].write_record(card["id"], kind, f"De {number}")
        self.records[record["id"]] = number

    async def _switch_inspection(self, uai: str, diploma: str = DIPLOMA) -> None:
        await self.schools[uai].put(
            "inspector_access",
            f"/inspector-access/{diploma}",
            lambda seen: {"active": not seen["active"]},
        )

    async def _change_card(self, uai: str) -> None:
        """A school changes its name, which mails then call it by."""
        name = f"Lycée {self.dice.choice(NAMES)}"
        email = f"ce.{uai}@ac-demo.example"
        await self.schools[uai].put(
            "etablissement", "/card", lambda _: {"name": name, "email": email}
        )

    async def _switch_transfers(self, uai: str) -> None:
        await self.schools[uai].switch(active=self.dice.random() < 0.8)


@asynccontextmanager
async def told(stage: Stage, dice: random.Random) -> AsyncIterator[Story]:
    """A story on a stage, before its opening."""
    async with AsyncExitStack() as stack:
        schools = {uai: Staff(uai, stage.urls, stage.sign) for uai in SCHOOLS}
        for school in schools.values():
            await stack.enter_async_context(school)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        yield Story(stage, dice, schools, http)
