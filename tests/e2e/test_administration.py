"""« Administration » in a browser: schools, the tables, the directory, the figures."""

from pathlib import Path

from playwright.async_api import Page, expect

from deploy.local.people import ACADEMIE, ADMINISTRATOR, HEAD, A
from shared.identifiers import KEY_LETTERS
from tests.e2e.support import Site

NEW, OTHER = (f"{n:07d}{KEY_LETTERS[n % 23]}" for n in (9990041, 9990042))
DIPLOMAS = (
    "code;libelle;mef\nPRO-E2E;Bac Pro Essais de pages;24799910111\nPRO-MAL;Bac Pro Sans MEF;123\n"
)
DIRECTORY = (
    "Identifiant_de_l_etablissement;Nom_etablissement;Code_postal;Nom_commune;Libelle_academie\n"
    f"{OTHER};Lycée de l'annuaire;14000;Caen;Normandie\n"
    "1234567A;Lycée mal codé;14000;Caen;Normandie\n"
)


async def open_academie(page: Page) -> None:
    tabs = page.get_by_role("navigation", name="Onglets")
    await tabs.get_by_role("link", name="Administration").click()
    await page.get_by_role("link", name=ACADEMIE).click()
    await expect(page.get_by_role("heading", name=f"Académie : {ACADEMIE}")).to_be_visible()


async def test_a_school_is_created_named_closed_and_reopened(site: Site) -> None:
    page = await site.page_of(ADMINISTRATOR)
    await open_academie(page)
    await site.check(page, "administration-academie")
    await page.get_by_role("link", name="Créer un établissement").click()
    await page.get_by_label("Code UAI").fill("9990041Z")
    await page.get_by_role("button", name="Créer l’établissement").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
    await site.check(page, "administration-nouveau-erreurs")
    await page.get_by_label("Code UAI").fill(NEW)
    await page.get_by_label("Nom de l'établissement").fill("Lycée des métiers Curie")
    await page.get_by_role("button", name="Créer l’établissement").click()
    await expect(page.get_by_role("heading", name="Administrer l’établissement")).to_be_visible()
    await expect(page.get_by_role("banner")).to_contain_text(NEW)
    await expect(page.get_by_text("Il manque sur la fiche")).to_be_visible()

    await page.get_by_label("Adresse électronique de l'établissement").fill("ce.curie@demo.example")
    await page.get_by_role("button", name="Valider").click()
    await expect(page.get_by_text("est enregistrée")).to_be_visible()
    await expect(page.get_by_role("link", name="Voir ou inviter la direction")).to_be_visible()
    await site.check(page, "administration-etablissement")

    await page.get_by_role("button", name="Fermer cet établissement…").click()
    await site.check(page, "administration-fermeture")
    await page.get_by_role("button", name="Fermer l’établissement").click()
    await expect(page.get_by_text("Établissement fermé", exact=False).first).to_be_visible()
    await page.get_by_role("button", name="Rouvrir l’établissement").click()
    await expect(page.get_by_text("est de nouveau ouvert")).to_be_visible()

    await page.goto("/administration")
    await page.get_by_label("Nom, ville ou début").fill("curie")
    await page.get_by_role("button", name="Chercher un établissement").click()
    await expect(page.get_by_role("cell", name=NEW, exact=True)).to_be_visible()
    await site.check(page, "administration")
    await page.get_by_role("button", name="Ouvrir Lycée des métiers Curie").click()
    await expect(page.get_by_role("heading", name="Administrer l’établissement")).to_be_visible()


async def test_tables_and_the_directory_are_shown_before_they_change_anything(
    site: Site, tmp_path: Path
) -> None:
    page = await site.page_of(ADMINISTRATOR, java_script_enabled=False)
    await open_academie(page)
    await page.get_by_role("link", name="Diplômes").click()
    file = tmp_path / "diplomes.csv"
    file.write_text(DIPLOMAS)
    await page.get_by_label("Fichier CSV").set_input_files(file)
    await page.get_by_role("button", name="Voir ce qui changerait").click()
    await expect(page.get_by_role("row", name="MEF attendus")).to_be_visible()
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("1 ligne ajoutée, 0 changée, 1 refusée")).to_be_visible()
    await expect(page.get_by_role("cell", name="Bac Pro Essais de pages")).to_be_visible()
    await page.get_by_role("link", name="Libellé").click()
    await expect(page.get_by_role("columnheader", name="Libellé")).to_have_attribute(
        "aria-sort", "ascending"
    )

    await page.goto(f"/administration/{ACADEMIE}/tables/abonnements")
    file.write_text(f"uai;diplome;debut;fin\n{A};PRO-E2E;01/09/2025;\n")
    await page.get_by_label("Fichier CSV").set_input_files(file)
    await page.get_by_role("button", name="Voir ce qui changerait").click()
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("row", name="PRO-E2E")).to_contain_text("01/09/2025")
    await page.get_by_role("button", name=f"Retirer… {A} PRO-E2E").click()
    await expect(page.get_by_text("n’est plus abonné au diplôme PRO-E2E")).to_be_visible()
    await page.get_by_role("button", name="Retirer", exact=True).click()
    await expect(page.get_by_text("C'est retiré")).to_be_visible()

    await page.goto("/administration/annuaire")
    file.write_text(DIRECTORY)
    await page.get_by_label("Fichier de l’annuaire").set_input_files(file)
    await page.get_by_role("button", name="Lire l’annuaire").click()
    await expect(page.get_by_text("1 établissement sera créé ou modifié")).to_be_visible()
    await expect(page.get_by_role("cell", name="UAI faux")).to_be_visible()
    await page.get_by_role("button", name="Appliquer").click()
    await expect(page.get_by_text("L'annuaire est appliqué.")).to_be_visible()


async def test_each_page_holds_with_what_it_shows(site: Site, tmp_path: Path) -> None:
    page = await site.page_of(ADMINISTRATOR)
    base = f"/administration/{ACADEMIE}"
    for table in ("diplomes", "inspecteurs", "referents", "abonnements"):
        await page.goto(f"{base}/tables/{table}")
        await site.check(page, f"administration-{table}")
    file = tmp_path / "inspecteurs.csv"
    file.write_text("adresse;nom\npas une adresse;Anne\nanne@demo.example;Anne Noël\n")
    await page.goto(f"{base}/tables/inspecteurs")
    await page.get_by_label("Fichier CSV").set_input_files(file)
    await page.get_by_role("button", name="Voir ce qui changerait").click()
    await expect(page.get_by_role("heading", name="Enregistrer 1 ligne ?")).to_be_visible()
    await site.check(page, "administration-apercu")
    await page.goto(f"{base}/chiffres")
    await expect(page.get_by_role("rowheader", name="janvier 2026")).to_be_visible()
    await site.check(page, "administration-chiffres")
    await page.goto(f"{base}/tables/referents")
    await page.get_by_role("button", name="Retirer…").first.click()
    await expect(page.get_by_role("button", name="Retirer", exact=True)).to_be_visible()
    await site.check(page, "administration-retrait")
    await page.goto("/administration/annuaire")
    await site.check(page, "administration-annuaire")
    file.write_text(DIRECTORY)
    await page.get_by_label("Fichier de l’annuaire").set_input_files(file)
    await page.get_by_role("button", name="Lire l’annuaire").click()
    await expect(page.get_by_role("cell", name="UAI faux")).to_be_visible()
    await site.check(page, "administration-annuaire-lu")


async def test_a_head_administers_nothing(site: Site) -> None:
    page = await site.page_of(HEAD)
    await expect(page.get_by_role("link", name="Administration")).to_have_count(0)
    for path in ("", "/etablissement", f"/{ACADEMIE}", f"/{ACADEMIE}/tables/diplomes", "/annuaire"):
        answer = await page.goto(f"/administration{path}")
        assert answer is not None
        assert answer.status == 403, path
