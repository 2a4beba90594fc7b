"""What every page stands on: tokens of forms, services that are away, assets, templates."""

import re
import secrets
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from deploy.local.client import eventually
from deploy.local.kept import free_port
from services.gateway.__main__ import service
from services.gateway.settings import GatewaySettings
from services.gateway.web import assets, templates
from tests.integration.gateway.support import Place
from tests.support.traces import recorded

TEMPLATES = sorted((service.folder / "templates").rglob("*.html"))


def dependencies(route: APIRoute) -> Iterator[str]:
    for one in route.dependant.dependencies:
        yield getattr(one.call, "__qualname__", "")


def test_every_form_checks_its_token() -> None:
    posts = [
        route
        for router in service.routers
        for route in router.routes
        if isinstance(route, APIRoute) and (route.methods or set()) - {"GET", "HEAD"}
    ]
    assert posts
    for route in posts:
        checks = {name.partition(".")[0] for name in dependencies(route)}
        assert checks & {"posting", "uploading", "leaving"}, route.path


async def test_a_form_without_its_token_changes_nothing(place: Place) -> None:
    await place.sign_in()
    csrf = await place.csrf()
    for form in ({}, {"csrf": "x" * 43, "pour": "9990001X"}):
        refused = await place.http.post("/etablissement", data=form)
        assert (refused.status_code, "Formulaire périmé" in refused.text) == (403, True)
    other = await place.http.post("/etablissement", data={"csrf": csrf, "pour": "9990002Y"})
    assert (other.status_code, "Droit manquant" in other.text) == (403, True)


async def test_the_trace_of_a_page_goes_on_in_the_services_that_it_asks(place: Place) -> None:
    exporter = recorded()
    await place.sign_in()
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{trace[:16]}-01"}
    assert (await place.http.get("/etablissement", headers=headers)).is_success

    async def whole() -> bool:
        spans = exporter.get_finished_spans()
        names = {one.name for one in spans if one.context.trace_id == int(trace, 16)}
        return {"GET /etablissement", "GET /schools/{uai}/card"} <= names

    await eventually(whole, "the page and what it asks for in one trace")


async def test_what_is_not_there_or_not_allowed_is_said_in_french(place: Place) -> None:
    assert "Page introuvable" in (await place.http.get("/nulle-part")).text
    place.provider.claims = {"sub": "administration", "email": "administration@demo.example"}
    await place.sign_in()
    assert (await place.http.get("/etablissement")).headers["location"] == "/choix-etablissement"
    found = re.search(r'name="csrf" value="([^"]+)"', (await place.http.get("/")).text)
    assert found
    csrf = found[1]
    choice = {"csrf": csrf, "pour": "", "uai": "9990002y"}
    assert (await place.http.post("/choix-etablissement", data=choice)).status_code == 303
    read = await place.http.get("/etablissement")
    assert "Lycée polyvalent Bréguet" in read.text
    assert "Valider" not in read.text
    wanted = {"csrf": csrf, "pour": "9990002Y", "version": "1", "name": "x"}
    assert (await place.http.post("/etablissement", data=wanted)).status_code == 403


async def test_every_page_tells_browsers_what_it_does_not_do(place: Place) -> None:
    await place.sign_in()
    for path in ("/", "/etablissement", "/connexion", "/nulle-part", "/version"):
        headers = (await place.http.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] in {"no-referrer", "same-origin"}, path
        assert headers["cache-control"] == "no-store", path
        assert "server" not in headers, path


async def test_a_service_that_is_away_takes_only_its_part_with_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.sign_in()
    nobody = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(GatewaySettings, "url_of", lambda *_: nobody)
    home = await place.http.get("/")
    assert (home.status_code, "ne répond pas" in home.text) == (200, True)
    card = await place.http.get("/etablissement")
    assert (card.status_code, "Cette partie ne répond pas" in card.text) == (503, True)
    assert 'aria-label="Onglets"' in card.text, "the way to the rest stays"
    when = "UPDATE sessions SET ask_again_at = now() - interval '10 years'"
    await place.database.pool.execute(when)
    assert (await place.http.get("/")).status_code == 200, "the rights hold for a while"
    await place.database.pool.execute(f"{when}, rights_until = now() - interval '10 years'")
    assert (await place.http.get("/")).status_code == 503, "but not for good"


async def test_htmx_gets_the_inside_of_the_page(place: Place) -> None:
    gone = await place.http.get("/", headers={"HX-Request": "true"})
    assert (gone.status_code, gone.headers["hx-redirect"]) == (204, "/connexion")
    await place.sign_in()
    inside = await place.http.get("/", headers={"HX-Request": "true", "HX-Target": "div#page"})
    assert "<html" not in inside.text
    assert "<title>Accueil" in inside.text


async def test_assets_are_small_and_kept(place: Place) -> None:
    size = 0
    for name in assets.manifest():
        headers = {"Accept-Encoding": "gzip"}
        async with place.http.stream("GET", assets.url(name), headers=headers) as answer:
            size += len(b"".join([part async for part in answer.aiter_raw()]))
            assert "immutable" in answer.headers["cache-control"]
    assert size < 60_000
    assert (await place.http.get("/static/manifest.json")).status_code == 404


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_style_or_script(path: object) -> None:
    text = str(getattr(path, "read_text")())  # noqa: B009
    assert not re.search(r"\sstyle\s*=|\son[a-z]+\s*=|<style|javascript:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_a_table_without_caption_does_not_render() -> None:
    table = '{% call ui.table("", ["x"], [1], "y") %}{% endcall %}'
    text = '{% import "components.html" as ui %}' + table
    with pytest.raises(templates.MissingArgumentError, match="caption"):
        templates.environment().from_string(text).render()
