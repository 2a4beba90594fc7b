"""A service whose database is away says « not now », and when to ask again; one whose broker is
away goes on.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.client import Sign, eventually
from docs.reference import service
from shared.database import Database
from shared.events import TransferWithdrawn
from shared.service import Service
from shared.web.problems import MEDIA_TYPE, Problem
from tests.faults.proxy import through_proxy
from tests.support.processes import processes

A = "9990001X"
ROUTES = {
    "dossier": f"/pupils/{uuid4()}/records",
    "etablissement": "/card",
    "inspector_access": "/inspector-access",
    "notifier": "/mails",
    "siecle_import": "/imports",
    "transfer": "/participation",
}
"""Of each service, something that it can't answer without its database."""

Make = Callable[[Service], Awaitable[str]]


@pytest.mark.parametrize("name", ROUTES)
async def test_a_service_whose_database_is_away_says_when_to_ask_again(
    name: str, new_database: Make, vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> None:
    url = await new_database(service(name))
    async with (
        through_proxy(url) as (away, proxy),
        processes({name: away}, vhost, keys, sign, tmp_path) as started,
        started.school(A) as school,
        httpx.AsyncClient(base_url=started.urls[name]) as http,
    ):

        async def ask() -> httpx.Response:
            return await school.call(name, "GET", ROUTES[name], module=name == "dossier")

        usual = (await ask()).status_code
        assert usual < httpx.codes.INTERNAL_SERVER_ERROR
        proxy.refusing = True
        proxy.cut()
        for _ in range(3):  # with a connection that is found broken, and with none
            check_not_now(await ask())
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"database": "down"})
        assert (await http.get("/health/live")).is_success
        assert "cpro_database_up 0.0" in (await http.get("/metrics")).text
        proxy.refusing = False

        async def answers() -> bool:
            return (await ask()).status_code == usual

        await eventually(answers, "the usual answer")


def check_not_now(answer: httpx.Response) -> None:
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json() == {
        "type": "urn:cpro:probleme:service-indisponible",
        "title": "Service momentanément indisponible",
        "status": 503,
        "detail": "Réessayez dans quelques secondes.",
    }


async def test_a_service_whose_database_crashes_while_it_starts_starts_all_the_same(
    new_database: Make, vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> None:
    url = await new_database(service("transfer"))
    async with through_proxy(url) as (away, proxy), asyncio.TaskGroup() as group:
        losing = group.create_task(proxy.lose_answers(b"_pogo_migration", 1, 30))
        async with processes({"transfer": away}, vhost, keys, sign, tmp_path) as started:
            assert await losing == 1
            await started.stop("transfer")


async def test_a_service_whose_broker_is_away_goes_on_and_tells_what_waits(
    new_database: Make, vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> None:
    urls = {"transfer": await new_database(service("transfer"))}
    database = await Database.open(urls["transfer"], 1)
    async with database.transaction() as transaction:
        transaction.publish([TransferWithdrawn(transfer_id=uuid4())])
    await database.close()
    async with through_proxy(vhost) as (away, proxy):
        proxy.refusing = True
        async with (
            processes(urls, away, keys, sign, tmp_path) as started,
            started.school(A) as school,
        ):
            assert (await school.switch(active=True))["active"]
            async with httpx.AsyncClient(base_url=started.urls["transfer"]) as http:
                told = (await http.get("/metrics")).text
            [waits] = re.findall(r"^cpro_outbox_oldest_seconds (.+)$", told, re.MULTILINE)
            assert float(waits) > 0


def test_whatever_is_not_now_says_when_to_ask_again() -> None:
    told = Problem(503, "x", "X", "X.", headers={"X-More": "1"}).response()
    assert int(told.headers["Retry-After"]) > 0
    assert told.headers["X-More"] == "1"
    assert "Retry-After" not in Problem(409, "x", "X", "X.").response().headers
