"""Guide, « Insérer les renseignements sur l'établissement », in a browser."""

import pytest
from playwright.async_api import Page, Route, expect

from deploy.local.people import BOTH, HEAD, INSPECTOR, OFFICE, UNKNOWN
from tests.e2e.support import Site, sign_in


async def open_card(page: Page) -> None:
    tabs = page.get_by_role("navigation", name="Onglets")
    await tabs.get_by_role("link", name="Etablissement").click()
    await expect(page.get_by_role("heading", name="Etablissement", level=1)).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_staff_write_the_card(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    await open_card(page)
    assert page.url.endswith("/etablissement")
    await page.get_by_label("Code postal").fill("abc")
    await page.get_by_label("Téléphone").fill("12")
    await page.get_by_label("Ville").fill("Caen")
    await page.get_by_role("button", name="Valider").click()
    summary = page.get_by_role("alert")
    await expect(summary.get_by_role("link")).to_have_count(2)
    await expect(page).to_have_title("Erreur : Etablissement – CPro éducation")
    await expect(summary).to_be_focused()
    await expect(page.get_by_label("Code postal")).to_have_value("abc")
    await expect(page.get_by_label("Code postal")).to_have_accessible_description(
        "code postal attendu : 5 chiffres"
    )
    if script:
        await site.check(page, "etablissement-erreurs")
    await page.get_by_label("Code postal").fill("14000")
    await page.get_by_label("Téléphone").fill(f"02 31 00 00 0{int(script)}")
    button = page.get_by_role("button", name="Valider")
    await (button.dblclick() if script else button.click())  # pressed twice it does one thing
    await expect(page.get_by_text("La fiche de l'établissement est enregistrée.")).to_be_visible()
    await expect(page.get_by_label("Téléphone")).to_have_value(f"02 31 00 00 0{int(script)}")
    await expect(page.get_by_role("cell", name="Claire Martin (proviseure)").first).to_be_visible()
    if script:
        await site.check(page, "etablissement")
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.reload()
    await expect(page.get_by_text("est enregistrée")).to_have_count(0)


async def test_two_people_write_the_card_and_the_second_is_told(site: Site) -> None:
    head, other = await site.page_of(HEAD), await site.page_of(HEAD)
    for page in (head, other):
        await page.goto("/etablissement")
    await head.get_by_label("Ville").fill("Le Havre")
    await head.get_by_role("button", name="Valider").click()
    await expect(head.get_by_text("est enregistrée")).to_be_visible()
    await other.get_by_label("Ville").fill("Rouen")
    await other.get_by_role("button", name="Valider").click()
    await expect(other.get_by_role("alert")).to_contain_text("Quelqu'un d'autre vient")
    await expect(other.get_by_label("Ville")).to_have_value("Rouen")
    await other.get_by_role("button", name="Valider").click()
    await expect(other.get_by_text("est enregistrée")).to_be_visible()


async def test_who_has_two_schools_chooses(site: Site) -> None:
    page = await site.page_of(BOTH)
    await expect(page).to_have_title("Choisir l’établissement – CPro éducation")
    await site.check(page, "choix-etablissement")
    await page.get_by_role("button", name="Lycée polyvalent Bréguet").click()
    await expect(page.get_by_role("banner")).to_contain_text("9990002Y")
    stale = await page.context.new_page()
    await stale.goto("/etablissement")
    await page.get_by_role("link", name="Changer d’établissement").click()
    await page.get_by_role("button", name="Lycée professionnel Ampère").click()
    await expect(page.get_by_role("banner")).to_contain_text("9990001X")
    await stale.get_by_role("button", name="Valider").click()
    await expect(stale.get_by_role("heading", name="Autre établissement")).to_be_visible()


async def test_each_sees_his_own_tabs_and_the_unknown_is_told_whom_to_ask(site: Site) -> None:
    office, inspector = await site.page_of(OFFICE), await site.page_of(INSPECTOR)
    await expect(office.get_by_role("link", name="Etablissement").first).to_be_visible()
    await expect(inspector.get_by_role("link", name="Etablissement")).to_have_count(0)
    await inspector.goto("/etablissement")
    await expect(inspector).to_have_title("Choisir l’établissement – CPro éducation")
    unknown = await site.new_page()
    await sign_in(unknown, UNKNOWN)
    await expect(unknown.get_by_role("heading", name="Aucun accès")).to_be_visible()
    await expect(unknown.get_by_text("Demandez à la direction")).to_be_visible()
    await site.check(unknown, "aucun-acces")


async def test_pages_hold_on_a_narrow_screen_and_by_keyboard(site: Site) -> None:
    page = await site.page_of(HEAD, viewport={"width": 320, "height": 640})
    await site.check(page, "accueil-320")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    await page.goto("/etablissement")
    await site.check(page, "etablissement-320")


async def test_the_page_that_tells_of_signing_out_holds(site: Site) -> None:
    async def stay(route: Route) -> None:
        answer = await route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
        await route.fulfill(response=answer, headers=headers)

    page = await site.new_page()
    await sign_in(page, HEAD)
    await page.route("**/deconnexion", stay)  # it would go on to the provider at once
    await page.get_by_role("button", name="Se déconnecter").click()
    await expect(page.get_by_text("Votre session est terminée")).to_be_visible()
    await site.check(page, "deconnexion")


async def test_signing_out_ends_the_session(site: Site) -> None:
    page = await site.new_page()
    await sign_in(page, HEAD)
    await page.get_by_role("button", name="Se déconnecter").click()
    await page.wait_for_url("**/oauth2/end_session**")
    await page.goto(site.url)
    await expect(page).to_have_title("Se connecter – CPro éducation")
    await site.check(page, "connexion")
