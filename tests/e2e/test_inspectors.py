"""Guide, « Accès inspecteurs », in a browser: the lines with their switches, and the console."""

from playwright.async_api import expect

from deploy.local.client import eventually
from deploy.local.people import INSPECTOR, RECEIVER, SENDER
from tests.e2e.support import Site

TNE = "2de famille de métiers des Transitions numérique et énergétique"
OPEN = f"{TNE} [Aymerick Lenoir, Valéry Morel]"
NOBODY = "Bac Pro Métiers de l'Électricité et de ses Environnements Connectés []"


async def test_the_head_opens_a_diploma_and_the_inspector_sees_it(site: Site) -> None:
    head, inspector = await site.page_of(SENDER), await site.page_of(INSPECTOR)
    await inspector.goto("/console")
    await expect(inspector.get_by_text("Rien ne vous est ouvert pour l’instant")).to_be_visible()
    await site.check(inspector, "console-vide")
    await head.get_by_role("link", name="Accès inspecteur").first.click()
    await expect(head.get_by_role("switch")).to_have_count(4)
    await expect(head.get_by_role("cell", name="24725007032")).to_be_visible()
    await head.get_by_role("switch", name=OPEN).click()
    await expect(head.get_by_text("2 inspecteurs sont prévenus par mail")).to_be_visible()
    await expect(head.get_by_role("switch", name=OPEN)).to_have_attribute("aria-checked", "true")
    await _told(site, "accès ouvert")
    await head.get_by_role("switch", name=NOBODY).click()
    await expect(head.get_by_text("personne n’est encore prévenu")).to_be_visible()
    await expect(head.get_by_text("Aucun inspecteur référent n'est encore désigné")).to_be_visible()
    await site.check(head, "acces-inspecteur")
    await head.get_by_role("link", name=f"Historique : {TNE}").click()
    await expect(head.get_by_role("cell", name="Alain Vidal (proviseur)")).to_be_visible()
    await site.check(head, "acces-inspecteur-historique")
    await inspector.goto("/console")
    await site.check(inspector, "console")
    await inspector.get_by_role("link", name=TNE).click()
    learner = inspector.get_by_role("row").filter(has_text="GARNIER Eva")
    await expect(learner).to_contain_text("1 bilan, 1 fiche")
    await expect(inspector.get_by_text("LEROY")).to_have_count(0)
    await site.check(inspector, "console-diplome")
    await inspector.get_by_role("link", name="GARNIER Eva").click()
    await site.check(inspector, "console-apprenant")
    await inspector.get_by_role("link", name="Bilan du premier trimestre").click()
    await expect(inspector.get_by_text("Les pièces jointes ne sont pas montrées")).to_be_visible()
    await site.check(inspector, "console-element")
    record = inspector.url
    await head.goto("/acces-inspecteur/consultations")
    await expect(head.get_by_role("cell", name="GARNIER Eva").first).to_be_visible()
    await site.check(head, "acces-inspecteur-consultations")
    await head.goto("/acces-inspecteur")
    await head.get_by_role("switch", name=OPEN).click()
    await expect(head.get_by_text("accès fermé")).to_be_visible()
    await _told(site, "accès fermé")
    answered = await inspector.goto(record)
    assert answered is not None
    assert answered.status in (403, 404)


async def _told(site: Site, what: str) -> None:
    """Both referents have the mail that the guide promises."""
    subject = f"[CPro éducation] Lycée professionnel Carnot : {what} – {TNE}"

    async def both() -> bool:
        told = [copy.mail for copy in site.mails.copies if copy.mail["Subject"] == subject]
        return len({str(mail["To"]) for mail in told}) == 2

    await eventually(both, f"the mails « {subject} »")


async def test_without_javascript_and_without_subscription(site: Site) -> None:
    page = await site.page_of(SENDER, java_script_enabled=False)
    await page.goto("/acces-inspecteur")
    name = "Bac Pro Maintenance des systèmes de production connectés []"
    for told in ("accès ouvert", "accès fermé"):
        await page.get_by_role("switch", name=name).click()
        await expect(page.get_by_text(told)).to_be_visible()
    other = await site.page_of(RECEIVER)
    await other.goto("/acces-inspecteur")
    await expect(other.get_by_text("n’est abonné à aucun diplôme")).to_be_visible()
    answered = await other.goto("/console")
    assert answered is not None
    assert answered.status == 403
