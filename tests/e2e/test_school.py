"""Guide: « Insérer les logo et le cachet », apprentices' contacts, modules, in a browser."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from deploy.local.people import ADMINISTRATOR, HEAD, A
from tests.e2e.support import Site
from tests.support.pictures import picture
from tests.support.siecle import export


def file(name: str, content: bytes, kind: str = "image/png") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": content}


async def send(page: Page, label: str, button: str, chosen: dict[str, object]) -> None:
    await page.get_by_label(label).set_input_files(chosen)  # type: ignore[arg-type]
    await page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_logo_and_cachet(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    await page.goto("/logo")
    logo, cachet = "Télécharger un logo", "Télécharger le cachet de l'établissement"
    region = page.get_by_role("region", name="Logo de l'établissement", exact=True)
    await expect(region.get_by_text("Pas encore d’image")).to_be_visible()
    if script:
        await site.check(page, "logo-vide")
    await region.get_by_role("button", name=logo).click()
    await expect(page.get_by_role("alert")).to_contain_text("choisissez d'abord un fichier")
    await send(page, "pour le logo", logo, file("l.gif", b"GIF89a", "image/gif"))
    await expect(page.get_by_role("alert")).to_contain_text("enregistrez l'image en PNG")
    await send(page, "pour le logo", logo, file("l.png", b"\x89PNG" + b"x" * 6_000_000))
    await expect(page.get_by_role("alert")).to_contain_text("dépasse 5 Mo")
    if script:
        await site.check(page, "logo-refuse")
    await send(page, "pour le logo", logo, file("logo.png", picture()))
    await expect(
        page.get_by_text("Logo de l'établissement : l'image est enregistrée.")
    ).to_be_visible()
    await send(page, "pour le cachet", cachet, file("cachet.webp", picture("WEBP"), "image/webp"))
    for image in ("Logo de l'établissement", "Cachet de l'établissement"):
        shown = page.get_by_role("img", name=image)
        await expect(shown).to_be_visible()
        if script:
            await expect(shown).to_have_js_property("naturalWidth", 60)
    if script:
        await site.check(page, "logo")
    for the in ("le logo", "le cachet"):
        await page.get_by_role("button", name=f"supprimer {the}").click()
        if script:
            await site.check(page, "logo-supprimer")
        await page.get_by_role("button", name=f"Supprimer {the}").click()
        await expect(page.get_by_text("l'image est supprimée")).to_be_visible()
    await expect(page.get_by_role("img")).to_have_count(0)
    await expect(page.get_by_role("cell", name="Suppression").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_contacts_for_apprentices(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    await page.goto("/apprentis")
    dreets = page.get_by_role("group", name="DREETS")
    await dreets.get_by_label("Nom").fill("DREETS Normandie")
    await dreets.get_by_label("Code postal").fill("abc")
    await page.get_by_role("button", name="Ajouter un GRETA ou CFA").click()
    centre = page.get_by_role("group", name="GRETA ou CFA n° 1")
    await expect(centre.get_by_label("Nom")).to_be_focused()
    await expect(dreets.get_by_label("Code postal")).to_have_value("abc")
    await centre.get_by_label("Téléphone").fill("12")
    await page.get_by_role("button", name="Valider").click()
    summary = page.get_by_role("alert")
    await expect(summary.get_by_role("link")).to_have_count(3)
    await expect(summary).to_contain_text("GRETA ou CFA n° 1 – Téléphone")
    await expect(summary).to_contain_text("indiquez le nom")
    await summary.get_by_role("link", name="DREETS – Code postal").click()
    await expect(dreets.get_by_label("Code postal")).to_be_focused()
    if script:
        await site.check(page, "apprentis-erreurs")
    await dreets.get_by_label("Code postal").fill("14000")
    await centre.get_by_label("Nom").fill("GRETA du Calvados")
    await centre.get_by_label("Téléphone").fill("02 31 00 00 00")
    await page.get_by_role("button", name="Valider").click()
    await expect(page.get_by_text("Les contacts des apprentis sont enregistrés.")).to_be_visible()
    await expect(page.get_by_role("cell", name="DREETS, GRETA ou CFA").first).to_be_visible()
    if script:
        await site.check(page, "apprentis")
    await expect(centre.get_by_label("Téléphone")).to_have_value("02 31 00 00 00")
    await centre.get_by_label("Retirer ce GRETA ou CFA").check()
    await dreets.get_by_label("Nom").fill("")
    await dreets.get_by_label("Code postal").fill("")
    await page.get_by_role("button", name="Valider").click()
    await expect(page.get_by_text("Aucun GRETA ni CFA")).to_be_visible()


async def test_modules_and_their_options(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/modules")
    pfmp = page.get_by_role("group", name="PFMP")
    await pfmp.get_by_label("Rappel aux enseignants").fill("soixante")
    await page.get_by_role("button", name="Valider").click()
    summary = page.get_by_role("alert")
    await summary.get_by_role("link", name="PFMP – Rappel").click()
    await expect(pfmp.get_by_label("Rappel aux enseignants")).to_be_focused()
    await expect(pfmp.get_by_label("Rappel aux enseignants")).to_have_value("soixante")
    await site.check(page, "modules-erreurs")
    await pfmp.get_by_label("Rappel aux enseignants").fill("0")
    await page.get_by_role("group", name="Livret").get_by_label("Module activé").check()
    await page.get_by_label("Périodicité").select_option("Trimestrielle")
    await page.get_by_role("button", name="Valider").click()
    await expect(page.get_by_text("leurs options sont enregistrés")).to_be_visible()
    await expect(page.get_by_label("Périodicité")).to_have_value("trimestre")
    await expect(pfmp.get_by_label("Rappel aux enseignants")).to_have_value("0")
    await expect(page.get_by_role("cell", name="Bilans, Livret").first).to_be_visible()
    await site.check(page, "modules")


async def test_administrators_read_what_a_school_has_set(site: Site, tmp_path: Path) -> None:
    page = await site.page_of(ADMINISTRATOR)
    await page.goto("/choix-etablissement")
    await page.get_by_label("Code UAI").fill(A)
    await page.get_by_role("button", name="Ouvrir").click()
    await expect(page.get_by_role("banner")).to_contain_text(A)
    tabs = {
        "/logo": "Logo", "/apprentis": "Apprentis", "/modules": "Modules",
        "/import": "Import SIECLE",
    }  # fmt: skip
    for path, name in tabs.items():
        await page.goto(path)
        await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        buttons = page.get_by_role("main").get_by_role("button")
        await expect(buttons).to_have_count(0)
        await site.check(page, f"lecture{path.replace('/', '-')}")
    await page.goto("/logo")
    await expect(page.get_by_role("heading", name="Cachet de l'établissement")).to_be_visible()
    async with site.system.school(A) as school:
        file = export(tmp_path / "vieux.xml", A, "01/09/2025 07:00:00", [901, 902])
        path = f"/imports/{(await school.send_file(file))['id']}"
        await page.goto(path.replace("imports", "import"))
        await expect(page.get_by_text("Cet import attend que l’établissement")).to_be_visible()
        await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
        await site.check(page, "lecture-import-a-confirmer")
        await school.call("siecle_import", "POST", f"{path}/cancel")
