"""« Apprenants » in a browser: a learner outside SIECLE, from his entry to his erasure."""

import json
from uuid import uuid4

from playwright.async_api import Page, expect

from deploy.local.people import ADMINISTRATOR, HEAD, OFFICE, A
from tests.e2e.support import Site


async def enter(page: Page, family: str, first: str, birth: str = "2008-05-17") -> str:
    await page.goto("/apprenants/nouveau")
    await page.get_by_label("Nom de famille").fill(family)
    await page.get_by_label("Prénom").fill(first)
    await page.get_by_label("Date de naissance").fill(birth)
    await page.get_by_label("Classe").fill("1MELEC")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("L'apprenant est enregistré.")).to_be_visible()
    return page.url.rpartition("/")[2]


async def ask_departure(page: Page) -> None:
    await page.get_by_role("button", name="Déclarer son départ").click()
    await expect(page.get_by_role("heading", name="Déclarer un départ")).to_be_visible()


async def test_a_learner_outside_siecle_from_his_entry_to_his_erasure(site: Site) -> None:
    page = await site.page_of(HEAD)
    await (
        page.get_by_role("navigation", name="Onglets")
        .get_by_role("link", name="Apprenants")
        .click()
    )
    await page.get_by_role("link", name="Ajouter un apprenant hors SIECLE").click()
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(3)
    await site.check(page, "apprenant-saisie-erreurs")
    pupil = await enter(page, "ZÉPHYRIN", "Maëlys")

    await page.get_by_role("button", name="Modifier la fiche").click()
    await page.get_by_label("INE").fill("990000138AB")
    await page.get_by_label("Formation").fill("trop court")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_label("Formation")).to_have_accessible_description(
        "code MEF attendu : 11 caractères"
    )
    await page.get_by_label("Formation").fill("24725510111")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("La fiche est enregistrée.")).to_be_visible()
    await expect(page.get_by_text("990000138AB")).to_be_visible()

    school = site.system.school(A)
    record = await school.write_record(pupil, "bilan", "Bilan de PFMP 1")
    path = f"/pupils/{pupil}/records/{record['id']}/attachments"
    headers = {
        "Idempotency-Key": str(uuid4()),
        "Content-Type": "text/plain",
        "Content-Disposition": 'attachment; filename="note.txt"',
    }
    attached = await school.call(
        "dossier", "POST", path, module=True, content=b"Vu en entreprise.", headers=headers
    )
    assert attached.status_code == 201, attached.text
    await page.reload()
    await page.get_by_label("Nouvelle remarque").fill("À recevoir lundi.")
    await page.get_by_role("button", name="Enregistrer la remarque").click()
    await expect(page.get_by_text("À recevoir lundi.")).to_be_visible()
    await expect(page.get_by_text("Claire Martin (proviseure), le")).to_be_visible()
    await site.check(page, "apprenant")
    await page.get_by_role("link", name="Bilan de PFMP 1").click()
    await site.check(page, "apprenant-document")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="note.txt").click()
    file = await (await download.value).path()
    assert file.read_bytes() == b"Vu en entreprise."

    await page.get_by_role("link", name="Revenir à ZÉPHYRIN Maëlys").click()
    await page.get_by_role("link", name="Qui a consulté").click()
    await expect(page.get_by_role("cell", name="une pièce jointe")).to_be_visible()
    await expect(page.get_by_role("cell", name="Claire Martin").first).to_be_visible()
    await site.check(page, "apprenant-consultations")
    await page.go_back()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Télécharger toutes ses données").click()
    held = json.loads((await (await download.value).path()).read_text())
    assert "ZÉPHYRIN" in str(held["apprenant"]["cards"])
    assert set(held) == {"apprenant", "dossier", "transferts"}

    await ask_departure(page)
    await page.get_by_role("button", name="Déclarer son départ").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(1)
    await page.get_by_label("Date de sortie").fill("2026-01-12")
    await site.check(page, "apprenant-depart")
    await page.get_by_role("button", name="Déclarer son départ").click()
    await expect(page.get_by_text("Parti", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Réinscrire hors SIECLE").click()
    await expect(page.get_by_text("Inscrit", exact=True)).to_be_visible()
    await ask_departure(page)
    await page.get_by_label("Date de sortie").fill("2026-01-12")
    await page.get_by_role("button", name="Déclarer son départ").click()
    await page.get_by_role("link", name="Effacer ses données").click()
    await page.get_by_role("button", name="Effacer définitivement").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(1)
    await site.check(page, "apprenant-effacement")
    await page.get_by_label("Motif").select_option("fiche-erronee")
    await page.get_by_role("button", name="Effacer définitivement").click()
    await expect(page.get_by_text("sont effacées ici")).to_be_visible()
    await page.get_by_role("link", name="Effacements prévus").click()
    await site.check(page, "apprenants-effacements")


async def test_two_cards_of_one_person_are_compared_merged_and_separated(site: Site) -> None:
    page = await site.page_of(HEAD)
    await enter(page, "QUÉMENER", "Théo")
    await enter(page, "QUEMENER-LE GALL", "Théo")
    await page.get_by_role("button", name="Fusionner avec un doublon").click()
    await page.get_by_label("Nom ou prénom").fill("quemener")
    await page.get_by_role("button", name="Chercher").click()
    await expect(page.get_by_role("cell", name="QUÉMENER Théo", exact=True)).to_be_visible()
    await site.check(page, "apprenant-doublon")
    await page.get_by_role("button", name="Comparer avec QUÉMENER Théo").click()
    await page.get_by_role("button", name="Garder plutôt l’autre fiche").click()
    await expect(page.get_by_role("row", name="Nom de famille QUÉMENER")).to_be_visible()
    await site.check(page, "apprenant-fusion")
    await page.get_by_role("button", name="Fusionner", exact=True).click()
    await expect(page.get_by_role("heading", name="QUÉMENER Théo", level=1)).to_be_visible()
    await page.goto("/apprenants/fusions")
    await site.check(page, "apprenants-fusions")
    await page.get_by_role("button", name="Défaire la fusion de QUEMENER-LE GALL Théo").click()
    await expect(page.get_by_text("La fusion est défaite")).to_be_visible()


async def test_names_are_searched_without_javascript_and_stay_out_of_addresses(
    site: Site,
) -> None:
    page = await site.page_of(OFFICE, java_script_enabled=False)
    pupil = await enter(page, "ABGRALL", "Nolwenn")
    await page.goto("/apprenants")
    await page.get_by_label("Nom ou prénom").fill("abgrall")
    await page.get_by_role("button", name="Chercher").click()
    await expect(page.get_by_role("link", name="ABGRALL Nolwenn")).to_be_visible()
    assert page.url.endswith("/apprenants")
    await page.get_by_label("INE").fill("12")
    await page.get_by_role("button", name="Chercher").click()
    await expect(page).to_have_title("Erreur : Apprenants – CPro éducation")
    await page.get_by_role("link", name="Revenir à la liste").click()
    await page.get_by_role("columnheader", name="Classe").get_by_role("link").click()
    sorted_by = page.get_by_role("columnheader", name="Classe")
    await expect(sorted_by).to_have_attribute("aria-sort", "ascending")
    await page.get_by_label("Classe").fill("1MELEC")
    await page.get_by_label("Origine de la fiche").select_option("hand")
    await page.get_by_role("button", name="Filtrer").click()
    await expect(page.get_by_role("link", name="ABGRALL Nolwenn")).to_be_visible()
    await expect(sorted_by).to_have_attribute("aria-sort", "ascending")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Télécharger cette liste").click()
    assert "ABGRALL" in (await (await download.value).path()).read_text(encoding="utf-8-sig")
    await page.goto(f"/apprenants/{pupil}")
    await expect(page.get_by_role("heading", name="Demandes sur ses données")).to_have_count(0)
    answer = await page.goto(f"/apprenants/{pupil}/export.json")
    assert answer is not None
    assert answer.status == 403
    other = await site.page_of(HEAD)
    answer = await other.goto(f"/apprenants/{pupil}")
    assert answer is not None
    assert answer.status == 404, "of another school"


async def test_an_administrator_reads_the_list_and_no_dossier(site: Site) -> None:
    page = await site.page_of(ADMINISTRATOR)
    await page.goto("/choix-etablissement")
    await page.get_by_label("Code UAI").fill(A)
    await page.get_by_role("button", name="Ouvrir cet établissement").click()
    await expect(page.get_by_role("banner")).to_contain_text(A)
    await page.goto("/apprenants")
    await expect(page.get_by_role("heading", name="Apprenants", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Ajouter un apprenant")).to_have_count(0)
    await site.check(page, "apprenants")
