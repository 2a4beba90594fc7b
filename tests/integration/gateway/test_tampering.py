"""Requests that no page of ours has made: addresses, headers, hidden fields that were changed."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.gateway.web import limits, uploads
from tests.integration.gateway.support import Place

SCHOOL = "9990001X"
FORM = "multipart/form-data; boundary="


async def test_a_state_that_was_never_ours_is_refused_and_ends_nothing(place: Place) -> None:
    refused = await place.http.get("/connexion/retour?state=%00&code=x")
    assert (refused.status_code, "Connexion refusée" in refused.text) == (400, True)


@pytest.mark.parametrize("text", ["é", "1\r\nX-Own: 1", "\x00"])
async def test_a_hidden_field_becomes_no_header_of_its_own(place: Place, text: str) -> None:
    await place.sign_in()
    form = {"csrf": await place.csrf(), "pour": SCHOOL}
    for path, name in (("/etablissement", "version"), ("/utilisateurs/inviter", "key")):
        refused = await place.http.post(path, data={**form, name: text})
        assert (refused.status_code, "Formulaire périmé" in refused.text) == (403, True), path
    file = {"fichier": ("logo.png", b"x")}
    refused = await place.http.post("/logo/logo", data={**form, "version": text}, files=file)
    assert refused.status_code == 403


@pytest.mark.parametrize("encoding", ["punycode", "unicode_escape"])
async def test_a_form_in_an_encoding_of_its_own_is_refused(place: Place, encoding: str) -> None:
    await place.sign_in()
    fields = {"csrf": await place.csrf(), "pour": SCHOOL, "name": "\\ud800-\x80"}
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body = ("".join(parts) + "--b--\r\n").encode("latin-1")
    kind = {"Content-Type": f"{FORM}b; charset={encoding}"}
    refused = await place.http.post("/etablissement", content=body, headers=kind)
    assert (refused.status_code, "Envoi illisible" in refused.text) == (400, True)


async def test_a_form_that_cannot_be_read_is_told_as_such(place: Place) -> None:
    await place.sign_in()
    many = "&".join("x=1" for _ in range(2_000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = await place.http.post("/etablissement", content=many, headers=kind)
    assert (refused.status_code, "Envoi illisible" in refused.text) == (400, True)
    kind = {"Content-Type": FORM + "b" * 300}
    refused = await place.http.post("/logo/logo", content=b"--b", headers=kind)
    assert (refused.status_code, "Envoi interrompu" in refused.text) == (400, True)


async def test_no_address_names_the_file_that_is_saved(place: Place) -> None:
    await place.sign_in()
    lists = f"/import/{uuid4()}/listes"
    for name in ("created%3Fx%22%3B%20filename%3Dx.bat", "%00", "%2E%2E"):
        assert (await place.http.get(f"{lists}/{name}/liste.csv")).status_code == 404, name
        assert (await place.http.get(f"{lists}/{name}")).status_code == 404, name


async def test_no_answer_leads_to_the_host_that_a_request_names(place: Place) -> None:
    answer = await place.http.get("/connexion/", headers={"Host": "other.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_whoever_signs_in_ends_the_session_that_the_browser_had(place: Place) -> None:
    await place.sign_in()
    earlier = dict(place.http.cookies)
    place.provider.claims = {"sub": "gestion", "email": "gestion@demo.example"}
    await place.sign_in()
    assert await place.database.pool.fetchval("SELECT count(*) FROM sessions") == 1
    place.http.cookies.update(earlier)
    assert (await place.http.get("/")).headers["location"] == "/connexion"


async def test_signing_in_again_gives_no_more_uploads(place: Place) -> None:
    async def upload() -> int:
        await place.sign_in()
        form = {"csrf": await place.csrf(), "pour": SCHOOL}
        file = {"fichier": ("logo.png", b"x")}
        return (await place.http.post("/logo/logo", data=form, files=file)).status_code

    assert await upload() == 422
    await place.database.pool.execute(
        "INSERT INTO attempts SELECT subject, begins_at + later, 100 FROM attempts, "
        "(VALUES (interval '0'), ('1 hour')) AS window_ (later) "
        "ON CONFLICT (subject, begins_at) DO UPDATE SET count = 100"
    )
    assert await upload() == 429


async def test_uploads_that_stand_still_are_few_and_broken_off(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.sign_in()
    monkeypatch.setattr(uploads, "SILENCE", 3.0)
    head = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"csrf": await place.csrf(), "pour": SCHOOL}.items()
    )
    kind = {"Content-Type": FORM + "b"}

    async def stalled() -> AsyncIterator[bytes]:
        yield head.encode()
        await asyncio.sleep(3 * uploads.SILENCE)  # the client reads no answer before it has sent

    async def send() -> int:
        url = "/logo/logo"
        answer = await place.http.post(url, content=stalled(), headers=kind, timeout=30)
        return answer.status_code

    told = await asyncio.gather(*(send() for _ in range(limits.AT_ONCE + 2)))
    assert sorted(told) == [400] * limits.AT_ONCE + [429] * 2
    assert await send() == 400, "another may come when these are over"


async def test_a_delegation_that_has_just_ended_invites_and_opens_nothing(place: Place) -> None:
    person = {"email": "remplacante@demo.example", "name": "Remplaçante"}
    async with place.system.school(SCHOOL) as school:
        for role in ("gestion", "delegation"):
            invited = await school.call(
                "etablissement", "POST", "/users", json={**person, "role": role},
                headers={"Idempotency-Key": str(uuid4())},
            )  # fmt: skip
            assert invited.is_success, invited.text
        place.provider.claims = {"sub": "remplacante", "email": person["email"]}
        await place.sign_in()
        form = {"csrf": await place.csrf(), "pour": SCHOOL}
        assert (await place.http.get("/utilisateurs/inviter")).status_code == 200
        [delegation] = [
            one["id"] for one in invited.json()["rights"] if one["role"] == "delegation"
        ]
        path = f"/users/rights/{delegation}"
        assert (await school.call("etablissement", "DELETE", path)).status_code == 204
    guest = {"email": "complice@demo.example", "name": "Complice", "key": str(uuid4())}
    for path in ("/utilisateurs/inviter", "/transferts/activation", "/acces-inspecteur/BAC"):
        refused = await place.http.post(path, data={**form, **guest, "actif": "oui"})
        assert (refused.status_code, "Droit manquant" in refused.text) == (403, True), path
    assert (await place.http.get("/etablissement")).status_code == 200, "the other right holds"
