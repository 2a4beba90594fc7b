"""The home page: what needs attention, what is left to set up; in a browser."""

from pathlib import Path

import pytest
from httpx import AsyncClient
from playwright.async_api import expect

from deploy.local.client import School, eventually
from deploy.local.people import ACADEMIE, ADMINISTRATOR, HEAD, INSPECTOR, OFFICE
from tests.e2e.support import Site, sign_in
from tests.support.siecle import export

D, E = "9990021U", "9990022V"


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_what_is_left_to_set_up(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    steps = page.get_by_role("region", name="Mise en service")
    line = steps.get_by_role("listitem").filter(has_text="Information des familles")
    await expect(steps.get_by_role("listitem")).to_have_count(10)
    await expect(steps.get_by_role("listitem").first).to_contain_text("fait")
    await expect(line).to_contain_text("à faire")
    await expect(page.get_by_text("Dernier import SIECLE")).to_be_visible()
    if script:
        await site.check(page, "accueil")
    await line.get_by_role("button", name="c'est fait").click()
    await expect(line).to_contain_text("fait ou sans objet")
    await line.get_by_role("button", name="remettre à faire").click()
    await expect(line).to_contain_text("à faire")
    await page.goto("/mise-en-service")
    if script:
        await site.check(page, "mise-en-service")
    await steps.or_(page.get_by_role("main")).get_by_role("link", name="Apprentis").first.click()
    await expect(page.get_by_role("heading", name="Apprentis", level=1)).to_be_visible()


async def test_the_list_ends_when_nothing_is_left(site: Site) -> None:
    page = await site.page_of(OFFICE)
    steps = page.get_by_role("region", name="Mise en service")
    while await steps.get_by_role("button", name="ne nous concerne pas").count():
        waiting = await steps.get_by_text("à faire", exact=True).count()
        await steps.get_by_role("button", name="ne nous concerne pas").first.click()
        await expect(steps.get_by_text("à faire", exact=True)).to_have_count(waiting - 1)
    await steps.get_by_role("button", name="c'est fait").click()
    await expect(page.get_by_role("heading", name="Mise en service")).to_have_count(0)
    await site.check(page, "accueil-en-service")


async def test_nothing_of_a_school_is_shown_where_none_is_chosen(site: Site) -> None:
    for person in (INSPECTOR, ADMINISTRATOR):
        page = await site.new_page()
        await sign_in(page, person)  # anew: no school has been chosen
        await page.goto("/")
        await expect(page.get_by_role("heading", name="Accueil")).to_be_visible()
        await expect(page.get_by_role("heading", name="À faire")).to_have_count(0)


async def test_mails(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/mails")
    await expect(page.get_by_text("Aucun mail n’a encore été envoyé")).to_be_visible()
    await site.check(page, "mails-vide")


async def test_what_waits_for_the_school_stands_on_the_home_page_and_on_the_tabs(
    site: Site, tmp_path: Path
) -> None:
    await create(site, D, E)
    urls, sign = site.system.urls, site.system.sign
    async with School(D, urls, sign) as left, School(E, urls, sign) as new:
        await left.import_file(export(tmp_path / "1.xml", D, "01/09/2025 08:00:00", [71, 72]))
        await left.import_file(export(tmp_path / "2.xml", D, "10/01/2026 08:00:00", [71]))
        await left.switch(active=True)
        await new.import_file(export(tmp_path / "3.xml", E, "12/01/2026 08:00:00", [72]))

        async def counted() -> bool:
            return bool((await new.call("transfer", "GET", "/to-do")).json()["await_switch"])

        await eventually(counted, "the departure to be known")
    page = await site.page_of(ADMINISTRATOR)
    await page.goto("/choix-etablissement")
    await page.get_by_label("Code UAI").fill(E)
    await page.get_by_role("button", name="Ouvrir").click()
    to_do = page.get_by_role("region", name="À faire")
    await expect(to_do.get_by_role("listitem")).to_have_text(
        ["1 dossier attend que vous activiez les transferts Voir les transferts"]
    )
    link = page.get_by_role("navigation", name="Onglets").get_by_role("link", name="Transferts")
    await expect(link).to_have_accessible_name("Transferts 1 à faire")
    await site.check(page, "accueil-a-faire")


async def create(site: Site, *schools: str) -> None:
    claims = {"sub": "test", "academies": {"*": ["admin-national"]}}
    token = {"Authorization": f"Bearer {site.system.sign(claims)}"}
    async with AsyncClient(base_url=site.system.urls["etablissement"]) as http:
        for uai in schools:
            body = {"uai": uai, "name": f"Lycée {uai}", "email": f"{uai}@demo.example"}
            path, headers = f"/academies/{ACADEMIE}/schools", {**token, "Idempotency-Key": uai}
            told = await http.post(path, json=body, headers=headers)
            assert told.is_success, told.text
