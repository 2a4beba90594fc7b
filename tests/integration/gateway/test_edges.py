"""What holds around every page: https, HEAD, bodies that are too large, services that hang."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.client import Sign
from services.gateway.__main__ import service as gateway
from services.gateway.clients import services as clients
from services.gateway.web import limits, patience
from services.gateway.web.assets import url
from services.siecle_import.__main__ import service as siecle_import
from shared.service import Service
from tests.integration.gateway.support import Place
from tests.support.system import running

SCHOOL = "9990001X"
FORM = "application/x-www-form-urlencoded"


async def test_head_answers_as_get_without_the_body(place: Place) -> None:
    for path in ("/connexion", url("cpro.css"), "/robots.txt", "/version", "/health/live"):
        got, head = await place.http.get(path), await place.http.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        for name in ("content-type", "content-length", "content-security-policy"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)
    assert (await place.http.head("/nulle-part")).status_code == 404
    assert (await place.http.head("/deconnexion")).status_code == 404, "a form is no page"


async def raw(place: Place, path: str, headers: str, body: bytes) -> bytes:
    """What a plain connection hears that sends all of its body before it reads."""
    host, _, port = place.system.urls["gateway"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    cookies = "; ".join(f"{name}={value}" for name, value in place.http.cookies.items())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n{headers}\r\n"
    writer.write(head.encode())
    for at in range(0, len(body), 65536):
        writer.write(body[at : at + 65536])
        await writer.drain()
    try:
        async with asyncio.timeout(60):
            return await reader.read(200_000)
    finally:
        writer.close()


def length(body: bytes, kind: str = FORM) -> str:
    return f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"


async def test_a_body_above_the_limit_is_answered_in_french(place: Place) -> None:
    await place.sign_in()
    body = b"x=" + b"y" * 20 * 1024 * 1024
    answer = await raw(place, "/etablissement", length(body), body)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:300]
    assert "Envoi trop volumineux" in answer.decode()


async def test_a_file_above_the_limit_is_answered_in_french(place: Place) -> None:
    await place.sign_in()
    fields = {"csrf": await place.csrf(), "pour": SCHOOL}
    head = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += '--b\r\nContent-Disposition: form-data; name="fichier"; filename="x.png"\r\n\r\n'
    body = head.encode() + b"y" * 40 * 1024 * 1024 + b"\r\n--b--\r\n"
    answer = await raw(place, "/logo/logo", length(body, "multipart/form-data; boundary=b"), body)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:300]
    assert "Envoi trop volumineux" in answer.decode()


async def test_who_is_not_signed_in_hears_so_whatever_he_sends(place: Place) -> None:
    body = b"x=" + b"y" * 4 * 1024 * 1024
    assert (await raw(place, "/etablissement", length(body), body)).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_the_addresses_of_one_network_are_one_place(address: str, place: str) -> None:
    assert limits.place_of(address) == place


class Silent(asyncio.Protocol):
    """Takes connections and never says a word."""


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """The address of a service that hangs."""
    server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


@pytest.fixture
async def hanging(
    place: Place,
    new_database: Callable[[Service], Awaitable[str]],
    keys: Path,
    sign: Sign,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    """Pages with learners while `dossier` and `transfer` hang, for the head, who has signed in."""
    monkeypatch.setattr(patience, "BESIDE", 2.0)
    monkeypatch.setattr(clients, "READING", 6.0)
    services = (siecle_import, gateway)
    databases = {one.name: await new_database(one) for one in services}
    known = {f"{name}_url": url for name, url in place.system.urls.items() if name not in databases}
    own = {"oidc_issuer": place.provider.issuer, "person_key_file": keys / "signing.jwk"}
    async with silent() as url:
        hangs = {"dossier_url": url, "transfer_url": url}
        more: dict[str, dict[str, object]] = {
            "gateway": own | known | hangs, "siecle_import": {"transfer_url": url},
        }  # fmt: skip
        async with (
            running(services, databases, place.system.amqp_url, keys, sign, more) as system,
            httpx.AsyncClient(base_url=system.urls["gateway"], timeout=60) as http,
        ):
            there = Place(system, place.provider, place.database, http)
            await there.sign_in()
            yield there


async def entered(place: Place) -> str:
    """A learner of the school."""
    body = {"family_name": "BADIER", "first_name": "Samuel", "birth_date": "2009-03-14"}
    async with place.system.school(SCHOOL) as school:
        made = await school.call(
            "siecle_import", "POST", "/pupils", json=body, headers={"Idempotency-Key": str(uuid4())}
        )
    return str(made.json()["id"])


async def timed(place: Place, path: str) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = await place.http.get(path)
    return answer, time.monotonic() - began


async def test_a_page_waits_once_for_all_that_it_shows_beside(hanging: Place) -> None:
    learner = f"/apprenants/{await entered(hanging)}"
    for path, told in (
        (learner, "Transferts"),
        (f"{learner}/consultations", "Une partie des consultations"),
    ):
        answer, seconds = await timed(hanging, path)
        assert answer.status_code == 200, answer.text
        assert "ne répond pas" in answer.text
        assert told in answer.text
        assert "BADIER" in answer.text, "the rest is there"
        assert seconds < 2 * patience.BESIDE, f"{path} took {seconds:.1f} s"


async def test_a_page_about_what_hangs_says_so_in_time(hanging: Place) -> None:
    answer, seconds = await timed(hanging, "/transferts")
    assert (answer.status_code, "Cette partie ne répond pas" in answer.text) == (503, True)
    assert clients.READING <= seconds < 2 * clients.READING, f"{seconds:.1f} s"
