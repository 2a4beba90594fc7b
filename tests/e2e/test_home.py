"""The home page: what needs attention, what is left to set up; in a browser."""

import pytest
from playwright.async_api import expect

from deploy.local.people import ADMINISTRATOR, HEAD, INSPECTOR, OFFICE
from tests.e2e.support import Site


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_what_is_left_to_set_up(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    steps = page.get_by_role("region", name="Mise en service")
    line = steps.get_by_role("listitem").filter(has_text="Information des familles")
    await expect(steps.get_by_role("listitem")).to_have_count(10)
    await expect(steps.get_by_role("listitem").first).to_contain_text("fait")
    await expect(line).to_contain_text("à faire")
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
        page = await site.page_of(person)
        await page.goto("/")
        await expect(page.get_by_role("heading", name="À faire")).to_have_count(0)


async def test_mails(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/mails")
    await expect(page.get_by_text("Aucun mail n’a encore été envoyé")).to_be_visible()
    await site.check(page, "mails-vide")
