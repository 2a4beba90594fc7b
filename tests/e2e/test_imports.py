"""« Import SIECLE » in a browser: from the file to the receipt, and back."""

from pathlib import Path

from playwright.async_api import Page, expect

from deploy.local.people import BOTH, HEAD, A, B
from tests.e2e.support import Site
from tests.support.siecle import export

NOMENCLATURE = (
    '<?xml version="1.0" encoding="ISO-8859-15"?><BEE_NOMENCLATURES VERSION="1.7"><DONNEES><MEFS>'
    '<MEF CODE_MEF="24725510111"><LIBELLE_LONG>1ERE PRO MELEC</LIBELLE_LONG></MEF>'
    "</MEFS></DONNEES></BEE_NOMENCLATURES>"
)


async def send(page: Page, file: Path) -> None:
    await page.get_by_label("Fichier à importer").set_input_files(file)
    await page.get_by_role("button", name="Envoyer le fichier").click()


async def open_import(page: Page) -> None:
    tabs = page.get_by_role("navigation", name="Onglets")
    await tabs.get_by_role("link", name="Import SIECLE").click()
    await expect(page.get_by_role("heading", name="Import SIECLE", level=1)).to_be_visible()


async def test_a_file_is_read_checked_confirmed_and_its_import_undone(
    site: Site, tmp_path: Path
) -> None:
    page = await site.page_of(HEAD)
    await open_import(page)
    await expect(page.get_by_text("Un import désactive les élèves partis")).to_be_visible()
    await page.get_by_role("button", name="Envoyer le fichier").click()
    await expect(page).to_have_title("Erreur : Import SIECLE – CPro éducation")
    await expect(page.get_by_role("alert").get_by_role("link")).to_be_visible()
    await site.check(page, "import-sans-fichier")

    wrong = tmp_path / "ResponsablesAvecAdresses.xml"
    wrong.write_text('<?xml version="1.0"?><BEE_RESPONSABLES/>')
    await send(page, wrong)
    await expect(page.get_by_role("heading", name="Fichier refusé")).to_be_visible()
    await expect(page.get_by_text("Ce fichier est un export Responsables")).to_be_visible()
    await expect(page.get_by_label("Fichier à importer")).to_be_visible()
    await site.check(page, "import-refuse")
    await page.goto(f"{page.url}/signalements/wrong_export")
    await expect(page.get_by_text("Ce fichier est un export Responsables")).to_be_visible()
    await site.check(page, "import-signalements")
    await open_import(page)

    await send(page, export(tmp_path / "un.xml", A, "10/01/2026 08:00:00", range(1, 13)))
    await expect(page.get_by_role("heading", name="Vérifier et confirmer")).to_be_visible()
    await expect(page.get_by_text("12 élèves lus")).to_be_visible()
    await expect(page.get_by_text("Corrigé", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Voir la liste : Nouveaux").click()
    await expect(page.get_by_role("cell", name="NOM7 Prénom")).to_be_visible()
    await site.check(page, "import-liste")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Télécharger cette liste").click()
    table = await (await download.value).path()
    assert table.read_bytes().startswith(b"\xef\xbb\xbfNom;INE;")
    await page.get_by_role("link", name="Revenir à l’import").click()
    await page.get_by_role("button", name="Confirmer l’import").click()
    await expect(page.get_by_role("heading", name="Import appliqué")).to_be_visible()
    await expect(page.get_by_text("un.xml")).to_be_visible()
    await expect(page.get_by_text("Claire Martin (proviseure)").first).to_be_visible()
    await site.check(page, "import-recu")

    await open_import(page)
    await send(page, export(tmp_path / "deux.xml", A, "12/01/2026 08:00:00", range(1, 6)))
    await expect(page.get_by_text("7 apprenants seront désactivés")).to_be_visible()
    await site.check(page, "import-confirmation")
    await page.get_by_role("checkbox", name="NOM9").check()
    await page.get_by_role("button", name="Confirmer l’import").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_be_visible()
    await expect(page.get_by_role("checkbox", name="NOM9")).to_be_checked()
    await site.check(page, "import-confirmation-erreur")
    await page.get_by_label("Nombre d’élèves désactivés").fill("7")
    await page.get_by_role("button", name="Confirmer l’import").click()
    await expect(page.get_by_role("heading", name="Import appliqué")).to_be_visible()
    await page.get_by_role("link", name="Voir la liste : Gardés actifs").click()
    await expect(page.get_by_role("cell", name="NOM9 Prénom")).to_be_visible()
    await page.get_by_role("link", name="Revenir à l’import").click()
    await page.get_by_role("button", name="Annuler cet import…").click()
    await expect(page.get_by_text("6 apprenants qu’il avait désactivés")).to_be_visible()
    await site.check(page, "import-annulation")
    await page.get_by_role("button", name="Annuler l’import").click()
    await expect(page.get_by_role("heading", name="Import annulé")).to_be_visible()
    await open_import(page)
    await expect(page.get_by_role("row", name="deux.xml")).to_contain_text("annulé")
    await send(page, export(tmp_path / "trois.xml", A, "13/01/2026 08:00:00", range(1, 16)))
    await page.get_by_role("button", name="Confirmer l’import").click()
    await expect(page.get_by_role("heading", name="Import appliqué")).to_be_visible()
    await open_import(page)
    await expect(page.get_by_role("img", name="Effet des 2 derniers imports")).to_be_visible()
    model = await page.request.get("/import/modele.csv")
    assert "nom_de_famille;nom_usage;prenom" in await model.text()
    history = await page.request.get("/import/historique.csv")
    assert "deux.xml" in await history.text()
    await site.check(page, "import")
    await page.goto("/import/historique")
    await site.check(page, "import-historique")


async def test_without_javascript_the_page_is_left_and_found_again(
    site: Site, tmp_path: Path
) -> None:
    page = await site.page_of(BOTH, java_script_enabled=False)
    await page.goto("/choix-etablissement")
    await page.get_by_role("button", name="Lycée polyvalent Bréguet").click()
    await page.goto("/import")
    await send(page, export(tmp_path / "autre.xml", A, "13/01/2026 08:00:00", [1]))
    while await page.get_by_role("link", name="Actualiser la page").is_visible():
        await page.get_by_role("link", name="Actualiser la page").click()
    await expect(
        page.get_by_text("Ce fichier est celui de votre autre établissement")
    ).to_be_visible()
    await page.get_by_role("button", name="Ouvrir Lycée professionnel Ampère").click()
    await expect(page.get_by_role("banner")).to_contain_text(A)
    await page.goto("/choix-etablissement")
    await page.get_by_role("button", name="Lycée polyvalent Bréguet").click()
    await page.goto("/import")
    await send(page, export(tmp_path / "trois.xml", B, "13/01/2026 08:00:00", [21, 22]))
    await page.goto("/import")
    await expect(
        page.get_by_text("Import à confirmer").or_(page.get_by_text("Import en cours"))
    ).to_be_visible()
    await page.get_by_role("row", name="trois.xml").get_by_role("link").click()
    while await page.get_by_role("link", name="Actualiser la page").is_visible():
        await page.get_by_role("link", name="Actualiser la page").click()
    await page.get_by_role("button", name="Confirmer l’import").click()
    while await page.get_by_role("link", name="Actualiser la page").is_visible():
        await page.get_by_role("link", name="Actualiser la page").click()
    await expect(page.get_by_role("heading", name="Import appliqué")).to_be_visible()


async def test_a_nomenclature_dropped_here_is_passed_on_and_said_to_be(
    site: Site, tmp_path: Path
) -> None:
    page = await site.page_of(HEAD, viewport={"width": 320, "height": 640})
    await page.goto("/import")
    file = tmp_path / "Nomenclature.xml"
    file.write_text(NOMENCLATURE, encoding="iso-8859-15")
    await send(page, file)
    await expect(
        page.get_by_text("Ce fichier est une Nomenclature : 1 formation lue")
    ).to_be_visible()
    await page.get_by_label("Appliquer sans attendre").check()
    await page.get_by_role("button", name="Enregistrer la préférence").click()
    await expect(page.get_by_text("La préférence est enregistrée.")).to_be_visible()
    await page.get_by_label("Appliquer sans attendre").uncheck()
    await page.get_by_role("button", name="Enregistrer la préférence").click()
    await expect(page.get_by_label("Appliquer sans attendre")).not_to_be_checked()
    await site.check(page, "import-320")
