"""Guide, « Activer le transfert des données appartenant aux élèves », in a browser."""

import re

from playwright.async_api import Page, expect

from deploy.local.people import (
    ADMINISTRATOR,
    CENTRE_OFFICE,
    LEFT,
    RECEIVED,
    RECEIVER,
    SENDER,
)
from deploy.local.seeds.transfers import MOVED
from tests.e2e.support import Site


async def go(page: Page, part: str) -> None:
    await page.goto("/transferts")
    parts = page.get_by_role("navigation", name="Parties de l’onglet Transferts")
    await parts.get_by_role("link", name=part).click()


async def test_situation_1_records_follow_and_doubt_is_shown_to_people(site: Site) -> None:
    page = await site.page_of(SENDER)
    await page.goto("/transferts")
    switch = page.get_by_role("switch", name="Transfert des données")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(page.get_by_role("cell", name="MUTÉ Maëlys")).to_be_visible()
    await expect(page.get_by_role("cell", name="1 bilan, 1 fiche")).to_be_visible()
    waiting = page.get_by_role("row").filter(has_text="FAURE Inès").first
    await expect(waiting).to_contain_text("Aucun établissement n'a encore importé cet apprenant")
    await site.check(page, "transferts")
    await switch.click()
    await expect(page.get_by_text("Le transfert est désactivé")).to_be_visible()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await page.get_by_text("Historique de l’activation").first.click()
    await expect(page.get_by_role("cell", name="Alain Vidal (proviseur)").first).to_be_visible()
    await site.check(page, "transferts-desactive")
    await switch.click()
    await expect(page.get_by_text("Le transfert est activé")).to_be_visible()
    for part, name in (
        ("Automatiques", "automatiques"), ("Reçus et envoyés", "historique"),
        ("Sans INE", "sans-ine"), ("À suivre", "a-suivre"), ("Rapprochements", "rapprochements"),
        ("Propositions reçues", "propositions"), ("Incidents", "incidents"),
    ):  # fmt: skip
        await go(page, part)
        await site.check(page, f"transferts-{name}")
    await go(page, "Rapprochements")
    doubtful = page.get_by_role("row").filter(has_text="ROUX Tom")
    await expect(doubtful).to_contain_text("différent")
    await doubtful.get_by_role("button", name="ROUX Tom : pas la même personne").click()
    await expect(page.get_by_text("ce n’est pas la même personne, rien ne part")).to_be_visible()


async def test_situation_2_by_hand_with_the_authorisation(site: Site) -> None:
    page = await site.page_of(SENDER, java_script_enabled=False)
    await page.goto("/transferts")
    await expect(
        page.get_by_text("Les apprenants listés ci-dessous sont désactivés")
    ).to_be_visible()
    await page.get_by_role("button", name="Choisir l’établissement d’accueil").click()
    await expect(page.get_by_role("alert")).to_contain_text("cochez au moins un apprenant")
    await expect(page.get_by_text("Ne pas sélectionner les élèves dans la liste")).to_be_visible()
    await page.get_by_role("checkbox", name="Choisir BADIER Samuel").check()
    await page.get_by_role("button", name="Choisir l’établissement d’accueil").first.click()
    await page.get_by_label("Chercher l’établissement d’accueil").fill("eiffel")
    await page.get_by_role("button", name="Chercher").click()
    await page.get_by_role("radio", name="CFA Eiffel").check()
    await page.get_by_role("button", name="Continuer").click()
    await page.get_by_role("button", name="Continuer").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(3)
    await expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    await page.get_by_role("radio", name="l’apprenant", exact=True).check()
    await page.get_by_label("Date de l’autorisation").fill("12/01/2026")
    await page.get_by_label("Référence du papier").fill("classeur 3")
    await page.get_by_role("button", name="Continuer").click()
    await expect(page.get_by_text("1 apprenant est mineur")).to_be_visible()
    await expect(page.get_by_role("heading", name="Proposer 1 dossier ?")).to_be_visible()
    await page.get_by_role("button", name="Proposer").click()
    await expect(page.get_by_text("1 proposition est envoyée")).to_be_visible()
    await answer(site)
    await page.goto("/transferts/historique")
    sent = page.get_by_role("row").filter(has_text="BADIER Samuel")
    await expect(sent).to_contain_text("clos")


async def answer(site: Site) -> None:
    """The training centre, without SIECLE, creates who is offered."""
    page = await site.page_of(CENTRE_OFFICE)
    await page.goto("/transferts")
    await expect(
        page.get_by_text("1 proposition de transfert attend votre réponse")
    ).to_be_visible()
    await page.get_by_role("link", name="Voir les propositions reçues").click()
    await page.get_by_role("link", name="Voir la proposition n° 1").click()
    await expect(page.get_by_text("BADIER Samuel")).to_be_visible()
    await site.check(page, "transferts-proposition")
    await page.get_by_role("button", name="Refuser la proposition").click()
    await expect(page.get_by_role("alert")).to_contain_text("choisissez un motif")
    await page.get_by_role("button", name="Accepter et créer l’apprenant").click()
    await expect(page.get_by_text("La proposition est acceptée")).to_be_visible()
    await expect(page.get_by_role("heading", name="Transfert reçu")).to_be_visible()


async def test_the_forms_by_hand_hold_for_everyone(site: Site) -> None:
    page = await site.page_of(SENDER)
    await go(page, "À la main")
    by_hand = page.get_by_role("table", name="Apprenants transférables à la main")
    for heading, way in (("Apprenant", "descending"), ("Parti le", "ascending")):
        column = by_hand.get_by_role("columnheader", name=heading)
        await column.get_by_role("link").click()
        await expect(column).to_have_attribute("aria-sort", way)
    await site.check(page, "transferts-a-la-main")
    await page.get_by_label("Ou toute une classe à la fois").select_option("CAP1")
    await page.get_by_role("button", name="Choisir l’établissement d’accueil").first.click()
    await expect(page.get_by_text("BAHANS Thomas")).to_be_visible()
    await page.get_by_label("Chercher l’établissement d’accueil").fill("rouen")
    await page.get_by_role("button", name="Chercher").click()
    await expect(page.get_by_role("radio", name="CFA Eiffel")).to_be_visible()
    await site.check(page, "transferts-etablissement")
    await page.get_by_role("radio", name="CFA Eiffel").check()
    await page.get_by_role("button", name="Continuer").click()
    await page.get_by_role("button", name="Continuer").click()
    await site.check(page, "transferts-autorisation")
    await page.get_by_role("radio", name="l’apprenant", exact=True).check()
    await page.get_by_label("Date de l’autorisation").fill("12/01/2026")
    await page.get_by_label("Référence du papier").fill("classeur 3")
    await page.get_by_role("button", name="Continuer").click()
    await site.check(page, "transferts-verification")
    await page.get_by_role("button", name="Proposer").click()
    await expect(page.get_by_role("heading", name="Vos propositions en attente")).to_be_visible()
    await site.check(page, "transferts-propositions-envoyees")
    await page.get_by_role("button", name="Retirer la proposition : BAHANS Thomas").click()
    await expect(page.get_by_text("La proposition est retirée")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.goto("/transferts/a-la-main")
        await page.get_by_role("link", name="Télécharger la liste (CSV)").click()
    text = (await (await downloading.value).path()).read_bytes().decode()
    assert text.startswith("\ufeffApprenant;Classe;")
    assert "BAHANS Thomas;CAP1;" in text


async def test_a_transfer_is_taken_back_and_its_incident_printed(site: Site) -> None:
    sender, receiver = await site.page_of(SENDER), await site.page_of(RECEIVER)
    await looked_at(site, MOVED.family_name, times=51)
    for page in (sender, receiver):
        await page.goto("/transferts/historique")
        await page.get_by_role("link", name="MUTÉ Maëlys").last.click()
    await sender.get_by_role("radio", name="C’est une autre personne").check()
    await sender.get_by_role("button", name="Demander le retour").click()
    await expect(sender.get_by_text("Le retour est demandé")).to_be_visible()
    await receiver.reload()
    await expect(receiver.get_by_text("demande le retour du dossier")).to_be_visible()
    await site.check(receiver, "transferts-un")
    await receiver.get_by_role("button", name="Annuler le transfert").click()
    await expect(receiver.get_by_role("alert")).to_contain_text("choisissez un motif")
    await receiver.get_by_role("radio", name="C’est une autre personne").check()
    await receiver.get_by_role("button", name="Annuler le transfert").click()
    await expect(receiver.get_by_text("Le transfert est annulé")).to_be_visible()
    for _ in range(50):
        await receiver.goto("/transferts/incidents")
        if await receiver.get_by_role("link", name="Relevé de l’incident n° 1").count():
            break
    await receiver.get_by_role("link", name="Relevé de l’incident n° 1").click()
    await expect(receiver.get_by_role("heading", name="Relevé d’incident")).to_be_visible()
    await site.check(receiver, "transferts-incident")
    looks = receiver.get_by_role("table", name="Consultations").locator("tbody tr")
    await expect(looks).to_have_count(50)
    await receiver.get_by_role("link", name="Page suivante").click()
    await expect(receiver.get_by_role("link", name="Début de la liste")).to_be_visible()
    assert 0 < await looks.count() < 50
    await receiver.goto("/transferts/historique")
    await receiver.get_by_role("link", name="MUTÉ Maëlys").last.click()
    await receiver.get_by_role("button", name="Lever l’interdiction").click()
    await expect(receiver.get_by_text("L’interdiction est levée")).to_be_visible()


async def looked_at(site: Site, family_name: str, *, times: int) -> None:
    """Have the receiving school look at the records of a learner."""
    async with site.system.school(RECEIVED) as school:
        pupil = (await school.pupil(family_name))["id"]
        for _ in range(times):
            await school.records(pupil)


async def test_why_a_dossier_has_not_come_and_the_opposition_of_a_family(site: Site) -> None:
    page = await site.page_of(RECEIVER)
    await page.get_by_role("link", name="Pourquoi ?").first.click()
    await page.get_by_label("Nom ou prénom").fill("petit")
    await page.get_by_role("button", name="Chercher").click()
    await site.check(page, "pourquoi")
    await page.get_by_role("link", name="PETIT Noé").click()
    await expect(page.get_by_text("Aucun autre établissement utilisant CPro")).to_be_visible()
    await page.get_by_role("button", name="Enregistrer l’opposition").click()
    await expect(page.get_by_text("L’opposition est enregistrée")).to_be_visible()
    await site.check(page, "transferts-apprenant")
    learner = page.url.rpartition("/")[2]
    await page.get_by_role("button", name="Lever l’opposition").click()
    await expect(page.get_by_text("Aucune opposition n’est enregistrée")).to_be_visible()
    helper = await site.page_of(ADMINISTRATOR)
    await helper.goto("/choix-etablissement")
    await helper.get_by_label("Code UAI").fill("9990012J")
    await helper.get_by_role("button", name="Ouvrir cet établissement").click()
    await expect(helper.get_by_role("banner")).to_contain_text("9990012J")
    await helper.goto("/pourquoi")
    await helper.get_by_role("button", name="Demander").click()
    await expect(helper.get_by_role("alert").get_by_role("link")).to_have_count(2)
    await helper.get_by_label("Identifiant de l’apprenant").fill(learner)
    await helper.get_by_label("Motif de votre question").select_option("Demande de la famille")
    await helper.get_by_role("button", name="Demander").click()
    await expect(helper.get_by_text("Aucun autre établissement utilisant CPro")).to_be_visible()
    await expect(helper.get_by_text("PETIT")).to_have_count(0)
    await site.check(helper, "pourquoi-administration")


async def test_a_third_school_sees_no_transfer_of_others(site: Site) -> None:
    page, other = await site.page_of(RECEIVER), await site.page_of(CENTRE_OFFICE)
    await page.goto("/transferts/historique")
    link = page.get_by_role("link", name=re.compile("MUTÉ")).last
    path = await link.get_attribute("href")
    assert path is not None
    answered = await other.goto(path)
    assert answered is not None
    assert answered.status == 404
    assert LEFT not in await other.content()


async def test_pages_hold_on_a_narrow_screen(site: Site) -> None:
    page = await site.page_of(SENDER, viewport={"width": 320, "height": 640})
    for name in ("transferts", "transferts/a-la-main", "transferts/historique", "acces-inspecteur"):
        await page.goto(f"/{name}")
        await site.check(page, f"{name.replace('/', '-')}-320")
    await page.goto("/transferts/historique")
    label = page.get_by_role("img", name="Dossiers envoyés et reçus par semaine").locator("text")
    box = await label.first.bounding_box()
    assert box is not None
    assert box["height"] >= 12, "what stands in a picture can be read"
