"""Users, delegations, heads; people.md, « Persons and rights », in a browser."""

from uuid import uuid4

import pytest
from httpx import AsyncClient
from playwright.async_api import Page, expect

from deploy.local.people import ACADEMIE, ADMINISTRATOR, BOTH, HEAD, OFFICE, B
from tests.e2e.support import Site

C = "9990003Z"


async def invite(page: Page, name: str, *, role: str = "Gestion", email: str = "") -> None:
    await page.goto("/utilisateurs/inviter")
    address = email or f"{name.split()[0].lower()}@demo.example"
    await page.get_by_label("Adresse électronique").fill(address)
    await page.get_by_label("Nom et prénom").fill(name)
    await page.get_by_label("Fonction").fill("DDFPT")
    await page.get_by_label("Rôle").select_option(role)
    await page.get_by_role("button", name="Inviter").click()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_the_head_gives_and_ends_rights(site: Site, *, script: bool) -> None:
    page = await site.page_of(HEAD, java_script_enabled=script)
    who = f"Inès Durand {int(script)}"
    await invite(page, who, email="pas une adresse")
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(1)
    await expect(page.get_by_label("Nom et prénom")).to_have_value(who)
    if script:
        await site.check(page, "utilisateurs-inviter-erreurs")
    await page.get_by_label("Adresse électronique").fill(f"ines{int(script)}@demo.example")
    await page.get_by_label("Dernier jour").fill("2026-08-31")
    await page.get_by_role("button", name="Inviter").click()
    await expect(page.get_by_text(f"{who} a maintenant ce droit")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=who)
    await expect(row).to_contain_text("31 août 2026")
    await page.get_by_role("button", name=f"donner une délégation à {who}").click()
    await expect(page.get_by_text(f"{who} a maintenant une délégation")).to_be_visible()
    if script:
        await site.check(page, "utilisateurs")
    await page.get_by_role("link", name=f"mettre fin : {who}, Gestion").click()
    await expect(page.get_by_text("Sa délégation prendra fin en même temps.")).to_be_visible()
    if script:
        await site.check(page, "utilisateurs-fin")
    await page.get_by_role("button", name="Mettre fin à ce droit").click()
    await expect(page.get_by_text("Ce droit a pris fin.")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text=who)).to_have_count(0)
    await page.get_by_role("link", name="Historique des droits").click()
    await expect(page.get_by_role("row").filter(has_text=who)).to_have_count(4)
    endless = page.get_by_role("row").filter(has_text=who).filter(has_text="sans fin")
    await expect(endless).to_have_count(0)
    if script:
        await site.check(page, "utilisateurs-historique")


async def test_users_are_invited_by_a_table(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/utilisateurs/tableau")
    await site.check(page, "utilisateurs-tableau")
    title = "adresse electronique;nom;fonction;role;du;au\r\n"
    wrong = title + "a@demo.example;Zoé Ay;;chef;;\r\nb@demo.example;Léo Bé;;;;99/99/2026\r\n"
    for content, encoding in ((wrong, "cp1252"), (wrong.replace("chef", "gestion"), "utf-8")):
        await send(page, content.encode(encoding))
        await expect(page.get_by_text("Personne n’a été invité")).to_be_visible()
    await site.check(page, "utilisateurs-tableau-erreurs")
    await page.get_by_role("link", name="Envoyer un autre tableau").click()
    right = (
        title
        + "zoe@demo.example;Zoé Ay;=cmd;gestion;;\r\n"
        + "leo@demo.example;Léo Bé;;délégation;;31/08/2026"
    )
    await send(page, right.encode("cp1252"))
    await site.check(page, "utilisateurs-tableau-apercu")
    await page.get_by_role("button", name="Inviter 2 personnes").click()
    await expect(page.get_by_text("2 invitations enregistrées")).to_be_visible()
    async with page.expect_download() as found:
        await page.get_by_role("button", name="Télécharger la liste (CSV)").click()
    text = (await (await found.value).path()).read_bytes().decode("utf-8-sig")
    assert "Zoé Ay;'=cmd;zoe@demo.example;Gestion;" in text
    assert text.count("Léo Bé") == 2, "a delegation stands beside « gestion »"


async def test_many_users_come_by_pages(site: Site) -> None:
    lines = "".join(f"page{n}@demo.example;Page {n:02};gestion\r\n" for n in range(60))
    table = f"adresse electronique;nom;role\r\n{lines}"
    token = site.system.sign({"sub": "test", "schools": {B: ["direction"]}})
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    headers["Content-Type"] = "text/csv"
    async with AsyncClient(base_url=site.system.urls["etablissement"], headers=headers) as http:
        told = await http.post(f"/schools/{B}/users/table", content=table.encode())
        assert told.status_code == 201, told.text
    page = await site.page_of(BOTH)
    await page.goto("/choix-etablissement")
    await page.get_by_role("button", name="Lycée polyvalent Bréguet").click()
    await expect(page.get_by_role("banner")).to_contain_text(B)
    await page.goto("/utilisateurs")
    seen = await page.get_by_role("rowheader").all_inner_texts()
    assert len(seen) == 50
    await page.get_by_role("link", name="Page suivante").click()
    await expect(page.get_by_role("link", name="Début de la liste")).to_be_visible()
    further = await page.get_by_role("rowheader").all_inner_texts()
    assert not set(seen) & set(further)
    assert len(set(seen) | set(further)) >= 62, "those of the table, and who was there before"
    await site.check(page, "utilisateurs-suite")


async def send(page: Page, table: bytes) -> None:
    if not page.url.endswith("/tableau"):
        await page.goto("/utilisateurs/tableau")
    chosen = {"name": "t.csv", "mimeType": "text/csv", "buffer": table}
    await page.get_by_label("Tableau").set_input_files(chosen)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Lire le tableau").click()


async def test_the_only_head_stays_and_the_office_sees_no_users(site: Site) -> None:
    office = await site.page_of(OFFICE)
    await expect(office.get_by_role("link", name="Utilisateurs")).to_have_count(0)
    answer = await office.goto("/utilisateurs")
    assert answer is not None
    assert answer.status == 403


async def test_an_administrator_invites_the_head_once_the_card_is_complete(site: Site) -> None:
    roles = ["admin-national"]
    claims = {"sub": "test", "academies": {"*": roles}, "schools": {C: roles}}
    headers = {"Authorization": f"Bearer {site.system.sign(claims)}", "Idempotency-Key": C}
    async with AsyncClient(base_url=site.system.urls["etablissement"], headers=headers) as http:
        path = f"/academies/{ACADEMIE}/schools"
        await http.post(path, json={"uai": C, "name": "Lycée Curie"})
        page = await site.page_of(ADMINISTRATOR)
        await page.goto("/choix-etablissement")
        await page.get_by_label("Code UAI").fill(C)
        await page.get_by_role("button", name="Ouvrir").click()
        await expect(page.get_by_role("banner")).to_contain_text(C)
        await page.goto("/etablissement")
        await page.get_by_role("link", name="Direction de l’établissement").click()
        await expect(page.get_by_text("Personne ne dirige cet établissement")).to_be_visible()
        for name in ("Adresse électronique", "Nom et prénom"):
            await page.get_by_label(name).fill("curie@demo.example")
        await page.get_by_role("button", name="Inviter la direction").click()
        refused = page.get_by_role("alert")
        await expect(refused).to_contain_text("adresse électronique")
        await site.check(page, "direction-fiche-incomplete")
        identity = {"name": "Lycée Curie", "email": "ce.curie@demo.example"}
        given = {"If-Match": '"1"'}
        told = await http.put(f"/schools/{C}/card/identity", json=identity, headers=given)
        assert told.status_code == 200, told.text
    await page.get_by_role("button", name="Inviter la direction").click()
    row = page.get_by_role("row").filter(has_text="curie@demo.example")
    await expect(row).to_contain_text("pas encore")
    await site.check(page, "direction")
    await row.get_by_role("link", name="mettre fin").click()
    await expect(page.get_by_text("C’est la dernière personne de direction")).to_be_visible()
    await site.check(page, "direction-fin")
    await page.get_by_role("button", name="Mettre fin à ce droit").click()
    await expect(page.get_by_text("Ce droit de direction a pris fin.")).to_be_visible()
