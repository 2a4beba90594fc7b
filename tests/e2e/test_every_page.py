"""What holds on every page that the gateway serves: by keyboard alone, narrow, enlarged, in the
dark; and to whom each of them says no.
"""

import re
from uuid import uuid4

import httpx
from playwright.async_api import APIRequestContext, Page

from deploy.local.people import HEAD, INSPECTOR, OFFICE, A, B
from services.gateway.web.tabs import LEGAL, TABS, help_of
from tests.e2e.support import Site, sign_in
from tests.support.forms import ways

OPEN = {path for _, path in LEGAL} | {
    "/connexion", "/connexion/aller", "/connexion/retour", "/static/{name}", "/version",
    "/robots.txt", "/.well-known/security.txt", "/aide/{topic}", "/aide/mise-en-service",
    "/aide/glossaire",
}  # fmt: skip
"""What everyone may read."""

OWN_TOKEN = {"/passeport"}
"""What is opened by a token and not by a session."""

SESSION = {"/", "/deconnexion", "/choix-etablissement"}
"""What is about the session and no school."""

FIRST_VISIT = 120_000
"""Bytes over the wire: page, styles, scripts."""

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TABBABLE = """() => {
  const all = [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"]')];
  window.stops = all.filter((one) => one.tabIndex >= 0 && !one.disabled && one.type !== 'hidden'
    && one.checkVisibility());
  document.activeElement?.blur();
  return window.stops.length;
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return {at: window.stops.indexOf(one), text: one.outerHTML.slice(0, 90),
    seen: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none'
      && box.width > 0 && box.left >= 0 && box.bottom > 0 && box.top < innerHeight};
}"""


async def tabs_of(page: Page) -> list[str]:
    """The tabs that the person is shown."""
    links = page.get_by_role("navigation", name="Onglets").get_by_role("link")
    found = [await one.get_attribute("href") for one in await links.all()]
    return [path for path in found if path]


async def test_every_tab_is_reached_and_used_by_keyboard_alone(site: Site) -> None:
    page = await site.page_of(HEAD)
    for path in [*await tabs_of(page), "/information-familles", "/aide", help_of("/transferts")]:
        await page.goto(path)
        stops = await page.evaluate(TABBABLE)
        reached: list[int] = []
        for _ in range(stops + 20):  # a date has three stops of its own
            await page.keyboard.press("Tab")
            focused = await page.evaluate(FOCUSED)
            if focused["at"] < 0:
                break
            assert focused["seen"], f"{path}: the focus is not seen on {focused['text']}"
            if focused["at"] not in reached:
                reached.append(focused["at"])
        missed = await page.evaluate(
            "reached => window.stops.filter((_, at) => !reached.includes(at))"
            ".map(one => one.outerHTML.slice(0, 120))",
            reached,
        )
        assert reached == list(range(stops)), f"{path}: not in the order read, without {missed}"
        await page.goto(path)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "contenu", path


async def test_every_history_holds(site: Site) -> None:
    page = await site.page_of(HEAD)
    for path in ("/etablissement", "/logo/logo", "/apprentis", "/modules"):
        await page.goto(f"{path}/historique")
        await site.check(page, f"historique{path.replace('/', '-')}")


async def test_every_tab_holds_narrow_enlarged_and_in_the_dark(site: Site) -> None:
    narrow = await site.page_of(HEAD, viewport={"width": 320, "height": 640})
    paths = [*await tabs_of(narrow), "/information-familles", "/aide", help_of("/transferts")]
    for path in paths:
        await narrow.goto(path)
        assert await narrow.evaluate(SIDEWAYS) <= 0, f"{path} scrolls sideways at 320 px"
    large = await site.page_of(HEAD, viewport={"width": 1280, "height": 900})
    for path in paths:
        await large.goto(path)
        await large.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await large.evaluate(SIDEWAYS) <= 0, f"{path} scrolls sideways at 200 %"
    dark = await site.page_of(HEAD, color_scheme="dark")
    for path in paths:
        await dark.goto(path)
        await site.check(dark, f"sombre{path.replace('/', '-')}")


async def test_a_first_visit_is_light(site: Site) -> None:
    page = await site.page_of(HEAD)
    for path in await tabs_of(page):
        html = await page.context.request.get(path)
        weight = len(await html.body())
        for url in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', await html.text())):
            headers = {"Accept-Encoding": "br"}
            async with httpx.AsyncClient(base_url=site.url, headers=headers) as http:
                asset = await http.get(url)
            assert asset.headers["cache-control"].endswith("immutable"), url
            weight += int(asset.headers["content-length"])
        assert weight < FIRST_VISIT, f"{path}: {weight} bytes"


async def test_every_page_and_form_refuses_who_is_not_signed_in(site: Site) -> None:
    page = await site.new_page()
    for method, path in ((one.method, one.path) for one in ways()):
        if path in OPEN:
            continue
        url = re.sub(r"\{[^}]+\}", str(uuid4()), path)
        answer = await page.context.request.fetch(url, method=method, max_redirects=0)
        if path in OWN_TOKEN:
            assert answer.status == 401, path
            continue
        if method == "POST":
            assert answer.status == 401, f"{path}: {answer.status}"
            continue
        assert answer.status == 303, f"{path}: {answer.status}"
        assert answer.headers["location"] == "/connexion", path


async def test_every_page_and_form_refuses_the_school_of_others(site: Site) -> None:
    page = await site.page_of(OFFICE)
    token = re.search(r'name="csrf" value="([^"]+)"', await page.content())
    assert token is not None
    theirs = await someone_of(site, A)
    for way in ways():
        method, path = way.method, way.path
        if path in OPEN | OWN_TOKEN | SESSION:
            continue
        url = re.sub(r"\{[^}]+\}", theirs, path)
        if method == "GET":
            await check_shows_nothing_of_theirs(page.context.request, url, path)
            continue
        ours = [(B, {403, 404})] if "{" in path else []
        for pour, status in ((A, {403}), ("", {403, 409}), *ours):
            form = {"csrf": token[1], "pour": pour, "version": "1"}
            answer = await (
                page.context.request.post(url, max_redirects=0, multipart=form)
                if way.takes_file
                else page.context.request.post(url, max_redirects=0, form=form)
            )
            assert answer.status in status, f"{method} {path}: {answer.status}"
        answer = await page.context.request.post(url, max_redirects=0, form={"pour": B})
        assert answer.status in {400, 403}, f"{method} {path} without its token: {answer.status}"


async def check_shows_nothing_of_theirs(http: APIRequestContext, url: str, path: str) -> None:
    answer = await http.get(url, max_redirects=0)
    if "{" in path:
        assert answer.status in {403, 404}, f"{path}: {answer.status}"
        return
    assert answer.status in {200, 302, 303, 403, 404, 409}, f"{path}: {answer.status}"
    if answer.status == 200 and "html" in answer.headers["content-type"]:
        assert "Lycée professionnel Ampère" not in await answer.text(), path


async def someone_of(site: Site, uai: str) -> str:
    """A learner of a school."""
    async with site.system.school(uai) as school:
        body = {"family_name": "AUTRE", "first_name": "École", "birth_date": "2009-01-02"}
        made = await school.call(
            "siecle_import", "POST", "/pupils", json=body, headers={"Idempotency-Key": str(uuid4())}
        )
        pupil: str = made.json()["id"] if made.is_success else str(uuid4())
    return pupil


async def test_who_belongs_to_no_school_sees_none(site: Site) -> None:
    page = await site.new_page()
    await sign_in(page, INSPECTOR)
    for tab in TABS:
        if tab.anywhere or tab.action is None:
            continue
        answer = await page.context.request.get(tab.path, max_redirects=0)
        assert answer.status in {303, 403, 404}, f"{tab.path}: {answer.status}"
