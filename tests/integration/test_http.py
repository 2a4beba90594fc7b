"""Bad input on every route: a clear problem+json in French, and nothing changed."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.integration.test_story import SAMPLES, A, B
from tests.support.routes import UNKNOWN
from tests.support.system import System

RECORD = {
    "kind": "bilan",
    "title": "Bilan",
    "body": {},
    "author": "M. Professeur",
    "written_on": "2025-11-20",
}


@pytest.fixture
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def check(response: httpx.Response, status: int, title: str | None = None) -> Mapping[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:cpro:probleme:")
    assert problem["detail"].endswith(".")
    if title is not None:
        assert problem["title"] == title
    return problem


async def test_the_office_of_a_school_does_not_switch_its_transfers(
    system: System, http: httpx.AsyncClient
) -> None:
    token = system.sign({"sub": "x", "schools": {A: ["gestion"]}})
    headers = {"Authorization": f"Bearer {token}", "If-Match": '"0"'}
    url = f"{system.urls['transfer']}/schools/{A}/participation"
    check(await http.put(url, json={"active": True}, headers=headers), 403)
    answer = await http.get(url, headers=headers)
    assert answer.json() == {"active": False, "since": None}


async def test_unknown_addresses_and_methods_are_problems_too(
    system: System, http: httpx.AsyncClient
) -> None:
    for url in system.urls.values():
        check(await http.get(f"{url}/nothing"), 404, "Introuvable")
        check(await http.delete(f"{url}/health/live"), 405, "Méthode refusée")


async def test_an_unknown_learner_record_or_import_is_told(system: System) -> None:
    async with system.school(A) as a:
        key = {"Idempotency-Key": str(uuid4())}
        for method, path, options in (
            ("GET", f"/pupils/{UNKNOWN}/records", {}),
            ("GET", f"/pupils/{UNKNOWN}/records/{UNKNOWN}", {}),
            ("POST", f"/pupils/{UNKNOWN}/records", {"json": RECORD, "headers": key}),
            (
                "PUT",
                f"/pupils/{UNKNOWN}/records/{UNKNOWN}",
                {"json": RECORD, "headers": {"If-Match": '"1"'}},
            ),
        ):
            response = await a.call("dossier", method, path, module=True, **options)
            check(response, 404, "Apprenant inconnu")
        for method, path in (("GET", ""), ("POST", "/confirm")):
            response = await a.call("siecle_import", method, f"/imports/{UNKNOWN}{path}", json={})
            check(response, 404, "Import inconnu")


async def test_the_switch_is_set_only_over_the_version_that_was_read(system: System) -> None:
    async with system.school(A) as a:
        on: dict[str, Any] = {"json": {"active": True}}
        check(await a.call("transfer", "PUT", "/participation", **on), 428)
        for stale in ('"1"', '"99999999999999999999"', '"-1"', "*", "x"):
            headers = {"If-Match": stale}
            response = await a.call("transfer", "PUT", "/participation", headers=headers, **on)
            check(response, 412, "Modifié entre-temps")
        first = await a.call("transfer", "PUT", "/participation", headers={"If-Match": '"0"'}, **on)
        assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
        again = await a.call("transfer", "PUT", "/participation", headers={"If-Match": '"0"'}, **on)
        check(again, 412)
        assert (await a.call("transfer", "GET", "/participation")).headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"active": "perhaps"}', b'{"active": true, "x": 1}']
)
async def test_a_switch_that_cannot_be_read_is_refused(system: System, content: bytes) -> None:
    async with system.school(A) as a:
        headers = {"If-Match": '"0"', "Content-Type": "application/json"}
        response = await a.call(
            "transfer", "PUT", "/participation", headers=headers, content=content
        )
        check(response, 422, "Saisie invalide")
        assert (await a.call("transfer", "GET", "/participation")).headers["ETag"] == '"0"'


async def test_a_problem_does_not_repeat_what_was_sent(system: System) -> None:
    async with system.school(A) as a:
        for content in ({"MUTÉ Maëlys": 1}, {"active": "MUTÉ Maëlys"}):
            response = await a.call(
                "transfer", "PUT", "/participation", json=content, headers={"If-Match": '"0"'}
            )
            check(response, 422)
            assert "MUTÉ" not in response.text


@pytest.fixture
async def pupil(system: System) -> str:
    """A learner of A whom `dossier` knows, with one record."""
    async with system.school(A) as a:
        await a.import_file(SAMPLES / "A_import1.xml")
        found: str = (await a.pupil("MUTÉ"))["id"]
        await a.write_record(found, "bilan", "Bilan")
        return found


BAD_RECORDS: tuple[dict[str, Any], ...] = (
    {"kind": "poème"},
    {"title": ""},
    {"title": "   "},
    {"title": "x" * 201},
    {"title": "nul \x00"},
    {"title": 7},
    {"author": None},
    {"written_on": "20/11/2025"},
    {"written_on": "2025-02-30"},
    {"body": "text"},
    {"body": {"nul": "\x00"}},
    {"body": {"long": "x" * 300_000}},
    {"body": {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}},
    {"more": 1},
)


async def test_a_record_that_is_not_one_is_refused_with_its_fields(
    system: System, pupil: str
) -> None:
    route = f"/pupils/{pupil}/records"
    async with system.school(A) as a:
        for change in BAD_RECORDS:
            headers = {"Idempotency-Key": str(uuid4())}
            response = await a.call(
                "dossier", "POST", route, json={**RECORD, **change}, headers=headers, module=True
            )
            problem = check(response, 422, "Saisie invalide")
            assert problem["errors"], change
            assert not any("valid" in error["message"].lower() for error in problem["errors"])
        for raw in (b'{"body": {"x": NaN}}', b'{"title": "\\ud800"}', b"[" * 50_000):
            headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
            response = await a.call(
                "dossier", "POST", route, content=raw, headers=headers, module=True
            )
            assert response.status_code in {400, 422}
            check(response, response.status_code)
        huge = {**RECORD, "body": {"x": "y" * 1_100_000}}
        response = await a.call("dossier", "POST", route, json=huge, headers=headers, module=True)
        check(response, 413, "Envoi trop volumineux")
        assert len(await a.records(pupil)) == 1


async def test_repeating_a_creation_creates_once(system: System, pupil: str) -> None:
    route = f"/pupils/{pupil}/records"
    async with system.school(A) as a:
        options: dict[str, Any] = {"json": RECORD, "module": True}
        check(await a.call("dossier", "POST", route, **options), 400)
        headers = {"Idempotency-Key": "one"}
        first, second = [
            await a.call("dossier", "POST", route, headers=headers, **options) for _ in range(2)
        ]
        assert first.json() == second.json()
        options["json"] = {**RECORD, "title": "Autre"}
        reused = await a.call("dossier", "POST", route, headers=headers, **options)
        check(reused, 422, "Clé d'idempotence déjà utilisée")
        assert len(await a.records(pupil)) == 2


async def test_a_record_is_changed_only_over_the_version_that_was_read(
    system: System, pupil: str
) -> None:
    async with system.school(A) as a:
        [record] = await a.records(pupil)
        route = f"/pupils/{pupil}/records/{record['id']}"
        options: dict[str, Any] = {"json": {**RECORD, "title": "Relu"}, "module": True}
        check(await a.call("dossier", "PUT", route, **options), 428)
        headers = {"If-Match": '"1"'}
        done = await a.call("dossier", "PUT", route, headers=headers, **options)
        assert (done.status_code, done.json()["title"], done.headers["ETag"]) == (
            200,
            "Relu",
            '"2"',
        )
        check(await a.call("dossier", "PUT", route, headers=headers, **options), 412)
        assert [r["version"] for r in await a.records(pupil)] == [2]


async def test_staff_do_not_write_records_nor_another_school_read_them(
    system: System, pupil: str
) -> None:
    async with system.school(A) as a, system.school(B) as b:
        headers = {"Idempotency-Key": "x"}
        route = f"/pupils/{pupil}/records"
        check(await a.call("dossier", "POST", route, json=RECORD, headers=headers), 403)
        check(await b.call("dossier", "GET", route), 404, "Apprenant inconnu")


async def test_an_upload_needs_content_and_a_key(system: System) -> None:
    async with system.school(A) as a:
        check(await a.call("siecle_import", "POST", "/imports", content=b"x"), 400)
        headers = {"Idempotency-Key": "empty"}
        empty = await a.call("siecle_import", "POST", "/imports", content=b"", headers=headers)
        check(empty, 422, "Fichier vide")
        answer = await a.call("siecle_import", "GET", "/imports")
        assert answer.json()["imports"] == []


@pytest.mark.parametrize(
    "given",
    ["attachment; filename*=idna''%ff", "attachment; filename*=nonsense''abc", ";;;=", "x" * 5000,
     "attachment; filename*0=a; filename*0=b; filename*=c"],
)  # fmt: skip
async def test_a_strange_file_name_is_passed_over(system: System, given: str) -> None:
    async with system.school(A) as a:
        headers = {"Idempotency-Key": "x", "Content-Disposition": given}
        sent = await a.call("siecle_import", "POST", "/imports", content=b"x", headers=headers)
        assert sent.status_code == 202
        await a.wait_for_import(sent.json()["id"], {"refused"})


async def test_a_file_that_was_replaced_before_its_confirmation_is_forgotten(
    system: System,
) -> None:
    async with system.school(A) as a:
        first = await a.send_file(SAMPLES / "A_import1.xml")
        await a.import_file(SAMPLES / "A_import1.xml")
        await a.wait_for_import(first["id"], {"superseded"})
    connection = await asyncpg.connect(system.database_urls["siecle_import"])
    assert await connection.fetchval("SELECT count(*) FROM import_chunk") == 0
    assert await connection.fetchval("SELECT count(reading) FROM import_run") == 0
    await connection.close()


async def test_an_upload_above_the_limit_is_refused_while_it_comes(system: System) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in itertools.repeat(None, 110):
            yield b" " * 1024 * 1024

    async with system.school(A) as a:
        headers = {"Idempotency-Key": "huge"}
        response = await a.call(
            "siecle_import", "POST", "/imports", content=endless(), headers=headers
        )
        check(response, 413, "Envoi trop volumineux")


@pytest.mark.parametrize("content", [b"not a file of SIECLE", b"PK\x03\x04 broken", b"\x00" * 100])
async def test_a_file_that_is_no_export_is_refused_and_the_base_untouched(
    system: System, content: bytes
) -> None:
    async with system.school(A) as a:
        await a.import_file(SAMPLES / "A_import1.xml")
        before = await a.pupils()
        headers = {"Idempotency-Key": str(uuid4())}
        sent = await a.call("siecle_import", "POST", "/imports", content=content, headers=headers)
        assert sent.status_code == 202
        ended = await a.wait_for_import(sent.json()["id"], {"refused", "ready", "failed"})
        assert ended["state"] == "refused"
        assert ended["findings"]
        again = await a.call("siecle_import", "POST", f"/imports/{ended['id']}/confirm", json={})
        check(again, 409, "Import déjà traité")
        assert await a.pupils() == before


async def test_of_two_confirmations_at_once_one_applies_and_the_other_is_told(
    system: System,
) -> None:
    async with system.school(A) as a:
        ready = await a.send_file(SAMPLES / "A_import1.xml")
        route = f"/imports/{ready['id']}/confirm"
        answers = await asyncio.gather(
            *(a.call("siecle_import", "POST", route, json={}) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [202, 409]
        await a.wait_for_import(ready["id"], {"applied"})
        assert len(await a.pupils()) == 3


async def test_what_must_be_confirmed_is_not_applied_without(system: System) -> None:
    async with system.school(A) as a:
        old_year = SAMPLES.parent / "invalides" / "04_annee_precedente.xml"
        ready = await a.send_file(old_year)
        [needed] = ready["confirmations"]
        assert (needed["code"], needed["number"]) == ("other_school_year", None)
        assert needed["message"].startswith("Ce fichier est de l'année scolaire 2024-2025")
        route = f"/imports/{ready['id']}/confirm"
        for consent in ({}, {"confirmations": ["older_file"]}):
            response = await a.call("siecle_import", "POST", route, json=consent)
            check(response, 422, "Confirmation manquante")
        for unfit in ({"confirmations": ["whatever"]}, {"confirmations": "x"}, {"x": 1}):
            response = await a.call("siecle_import", "POST", route, json=unfit)
            check(response, 422, "Saisie invalide")
        assert await a.pupils() == []
