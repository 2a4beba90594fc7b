"""The system in containers: what the image is, and that a rolling restart loses nothing.

Run where Docker answers; the images are built first.
"""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.containers import compose
from deploy.containers.compose import Containers
from deploy.local.client import Json, School, UnexpectedAnswerError, eventually
from deploy.local.errors import StartError
from deploy.local.stack import SERVICES
from tests.support.siecle import export
from tests.support.system import TODAY

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not compose.docker_answers(), reason="no Docker engine answers"),
]
A, B = "9990001X", "9990002Y"
STAYS, MOVE = 1, [2, 3, 4, 5, 6, 7, 8]
"""The learner that A keeps; those that B imports, one while each service is restarted."""
REPLICAS = 2
REPEAT_SECONDS = 120
HEALTHY_SECONDS = 180
AGAIN = {502, 503, 504}


@pytest.fixture(scope="module")
def system() -> Iterator[Containers]:
    """Two replicas of each service behind the proxy."""
    compose.build()
    settings = {"CPRO_TODAY": TODAY.isoformat()}
    with compose.running("cpro-test", replicas=REPLICAS, settings=settings) as started:
        yield started


def docker(*arguments: str) -> str:
    """What a command of Docker prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_image_has_no_compiler_and_no_package_manager_of_python(system: Containers) -> None:
    [container, _] = system.ids("transfer")
    found = "for name in gcc cc g++ make; do command -v $name; done; /opt/cpro/bin/python -m pip -V"
    said = subprocess.run(
        ["docker", "exec", container, "sh", "-c", found], capture_output=True, text=True
    )
    assert said.stdout == ""
    assert "No module named pip" in said.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_bounded_and_cannot_write_to_its_own_files(
    system: Containers, service: str
) -> None:
    for container in system.ids(service.replace("_", "-")):
        [seen] = json.loads(docker("inspect", container))
        assert seen["Config"]["User"] == "10001:10001"
        host = seen["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        secrets = docker("exec", container, "ls", "/run/cpro").split()
        assert ("match.key" in secrets) == (service == "siecle_import")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_change_rows_and_nothing_else(system: Containers, service: str) -> None:
    """With what its container holds; that its migration could is seen from the tables."""
    [container, *_] = system.ids(service.replace("_", "-"))
    url = docker("exec", container, "cat", "/run/cpro/cpro_database_url")
    psql = ("exec", "-T", "postgres", "psql", url, "-tAc")
    assert system.compose(*psql, "SELECT current_user").strip() == f"cpro_{service}_run"
    for statement in (
        "ALTER TABLE outbox ADD COLUMN more text",
        "ALTER TABLE discarded DISABLE TRIGGER ALL",
        "TRUNCATE outbox",
        "DROP TABLE outbox",
    ):
        with pytest.raises(StartError, match=r"must be owner|permission denied"):
            system.compose(*psql, statement)


def test_commands_of_operations_note_who_gives_them(system: Containers) -> None:
    """(The image knows no user by the number that it runs as.)"""
    grant = ("users", "grant-admin", "administration@demo.example")
    etablissement = ("exec", "-T", "etablissement", "python", "-m", "services.etablissement")
    system.compose(*etablissement, *grant)
    who = "SELECT DISTINCT changed_by FROM right_change"
    assert value(system, "etablissement", who) == "exploitation:conteneur"


class Repeating(School):
    """A school whose callers do what clients are told: a read that fails is tried once more (as
    often as a change, when `patient`); a change is repeated, with the same Idempotency-Key, until
    it is answered.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answered = 0
        self.repeated = 0
        self.patient = False

    async def call(
        self, service: str, method: str, path: str, *, module: bool = False, **options: Any
    ) -> httpx.Response:
        """Call, and again."""
        impatient = not self.patient and (method == "GET" or path.endswith("/search"))
        deadline = asyncio.get_running_loop().time() + REPEAT_SECONDS
        tries = 0
        while True:
            tries += 1
            try:
                answer = await super().call(service, method, path, module=module, **options)
                if answer.status_code not in AGAIN:
                    self.answered += 1
                    return answer
                failed = f"{answer.status_code} {answer.text}"
            except httpx.TransportError as error:
                failed = repr(error)
            self.repeated += 1
            late = asyncio.get_running_loop().time() > deadline
            assert tries < 2 if impatient else not late, f"{method} {service} {path}: {failed}"
            await asyncio.sleep(0.2)

    async def bring(self, file: Path) -> None:
        """Import a file; a confirmation that was heard but not answered is not given twice."""
        ready = await self.send_file(file)
        try:
            await self.confirm(ready)
        except UnexpectedAnswerError:
            await self.wait_for_import(ready["id"], {"applied"})


async def test_a_rolling_restart_under_load_fails_no_request_and_loses_nothing(
    system: Containers, tmp_path: Path
) -> None:
    file = export(tmp_path / "a1.xml", A, "01/10/2025 08:00:00", [STAYS, *MOVE])
    left = export(tmp_path / "a2.xml", A, "10/01/2026 08:00:00", [STAYS])
    async with (
        Repeating(A, system.urls, system.token) as a,
        Repeating(B, system.urls, system.token) as b,
    ):
        await a.import_file(file)
        await b.import_file(export(tmp_path / "b1.xml", B, "01/10/2025 08:00:00", [99]))
        pupils = {p["family_name"]: p["id"] for p in await a.pupils()}
        for number in MOVE:
            await a.write_record(pupils[f"NOM{number}"], "bilan", f"Bilan {number}")
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(left)
        written = await _while_restarting(system, a, b, pupils[f"NOM{STAYS}"], tmp_path)
        await b.closed_transfer(len(MOVE))
        new = {p["family_name"]: p["id"] for p in await b.pupils()}
        for number in MOVE:
            [record] = await b.records(new[f"NOM{number}"])
            assert record["title"] == f"Bilan {number}"
        print(f"\n{a.answered + b.answered} answers, {a.repeated + b.repeated} calls repeated")
    kept = "SELECT count(DISTINCT title) || ' ' || count(*) FROM record WHERE title LIKE 'Fiche %'"
    assert value(system, "dossier", kept) == f"{written} {written}"
    await _nothing_waits(system)


async def _while_restarting(
    system: Containers, a: Repeating, b: Repeating, pupil: str, folder: Path
) -> int:
    """Restart every replica in turn, then both servers, while records are written and read and B
    imports a learner more each time; the number of records written.
    """
    done = asyncio.Event()
    async with asyncio.TaskGroup() as load:
        writing = load.create_task(_write(a, pupil, done))
        load.create_task(_read(a, b, pupil, system.urls["gateway"], done))
        try:
            for count, service in enumerate(SERVICES, 1):
                restarting = asyncio.create_task(_replace_all(system, service))
                hour = f"15/01/2026 08:{count:02d}:00"
                await b.bring(export(folder / f"b{count}.xml", B, hour, [99, *MOVE[:count]]))
                await restarting
            a.patient = b.patient = True  # there is one of each server
            for server in ("postgres", "rabbitmq"):
                await _restart(*system.ids(server))
                before = a.answered

                async def goes_on(before: int = before) -> bool:
                    return a.answered > before + REPLICAS

                await eventually(goes_on, f"answers after {server} was restarted")
        finally:
            done.set()
    return writing.result()


async def _replace_all(system: Containers, service: str) -> None:
    """Restart the replicas of a service, each only when the proxy sends requests to all of them."""

    async def all_used() -> bool:
        return await asyncio.to_thread(system.in_use, service) == REPLICAS

    for container in system.ids(service.replace("_", "-")):
        await eventually(all_used, f"{service} to be whole", seconds=HEALTHY_SECONDS)
        await _restart(container)


async def _restart(container: str) -> None:
    """As an orchestrator does: ask to stop, start, wait until it is healthy."""
    await asyncio.to_thread(docker, "restart", "-t", "20", container)

    async def healthy() -> bool:
        state = ("inspect", "-f", "{{.State.Health.Status}}", container)
        return await asyncio.to_thread(docker, *state) == "healthy"

    await eventually(healthy, f"{container} to be healthy", seconds=HEALTHY_SECONDS)


async def _write(a: Repeating, pupil: str, done: asyncio.Event) -> int:
    written = 0
    while not done.is_set():
        written += 1
        await a.write_record(pupil, "fiche", f"Fiche {written}")
        await asyncio.sleep(0.05)
    return written


async def _read(a: Repeating, b: Repeating, pupil: str, gateway: str, done: asyncio.Event) -> None:
    reads: list[Callable[[], Awaitable[object]]] = [
        lambda: a.records(pupil),
        a.pupils,
        b.transfers,
        lambda: _see(a, "etablissement", "/modules"),
        lambda: _see(a, "inspector_access", "/inspector-access"),
        lambda: _see(a, "notifier", "/mails"),
        lambda: _page(gateway),
    ]
    while not done.is_set():
        for read in reads:
            await read()
            await asyncio.sleep(0.02)


async def _see(school: Repeating, service: str, path: str) -> None:
    answer = await school.call(service, "GET", path)
    assert answer.status_code < 500, f"{service} {path}: {answer.status_code} {answer.text}"


async def _page(gateway: str) -> None:
    """The gateway's own page, tried once more when it fails."""
    async with httpx.AsyncClient(timeout=30) as client:
        try:
            answer = await client.get(f"{gateway}/version")
        except httpx.TransportError:
            answer = None
        if answer is None or answer.status_code in AGAIN:
            await asyncio.sleep(0.2)
            answer = await client.get(f"{gateway}/version")
        assert answer.is_success


def value(system: Containers, service: str, statement: str) -> str:
    """What a statement answers in the database of a service."""
    psql = ("psql", "-U", "postgres", "-d", f"cpro_{service}", "-tAc", statement)
    return system.compose("exec", "-T", "postgres", *psql).strip()


async def _nothing_waits(system: Containers) -> None:
    """All events are published and none was parked."""

    async def probe() -> Json | None:
        found = {
            name: value(
                system,
                name,
                "SELECT (SELECT count(*) FROM outbox) || ' ' || (SELECT count(*) FROM parked)",
            )
            for name in SERVICES
        }
        return found if set(found.values()) == {"0 0"} else None

    await eventually(probe, "outboxes to be empty, and nothing to be parked")
