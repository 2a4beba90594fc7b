"""Guide, situation 2, where it does not go straight on: what is refused and why, offers that are
attached, refused, withdrawn or kept, and a return that is declined.
"""

import datetime as dt
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.local.client import School, eventually
from deploy.local.people import ACADEMIE, CENTRE, CENTRE_OFFICE, LEFT, RECEIVED, RECEIVER, SENDER
from deploy.local.seeds.exports import Learner, imported
from deploy.local.seeds.transfers import (
    MOVED,
    NEIGHBOUR,
    OTHER_BIRTH,
    OTHER_COURSE,
    STAYS,
    entered_and_left,
)
from tests.e2e.support import Site
from tests.support.system import TODAY

NEW, NEXT = "9990023W", "9990024X"
"""A school that closes, and the one that goes on for it."""

WITH_INE = Learner(40, "KERVELLA", "Yann")
KEPT = Learner(41, "LOZACH", "Nina")
RETURNS = Learner(42, "MORVAN", "Ewen")


@pytest.fixture(scope="module")
async def departed(started_site: Site) -> None:
    """Learners of SIECLE have left, and no other school has them."""
    async with started_site.system.school(LEFT) as left:
        stay = (STAYS, OTHER_COURSE)
        await imported(left, (*stay, WITH_INE, KEPT, RETURNS), TODAY - dt.timedelta(days=6))
        for one in (KEPT, RETURNS):
            await left.write_record((await left.pupil(one.family_name))["id"], "bilan", "Bilan")
        await imported(left, stay, TODAY - dt.timedelta(days=5))


async def offer(left: School, pupil: str, destination: str) -> httpx.Response:
    """What `transfer` answers to an offer."""
    collected = {"collected_from": "both", "collected_on": "2026-01-12", "paper": "classeur 4"}
    wish = {"pupil_id": pupil, "destination": destination, "authorisation": collected}
    headers = {"Idempotency-Key": str(uuid4())}
    return await left.call("transfer", "POST", "/offers", json={"offers": [wish]}, headers=headers)


async def offered(site: Site, pupil: str) -> None:
    """Offer a learner to the training centre, as soon as `transfer` has heard that he has left."""
    async with site.system.school(LEFT) as left:

        async def probe() -> bool:
            return (await offer(left, pupil, CENTRE)).is_success

        await eventually(probe, "the learner to be offered")


async def told_of(site: Site, pupil: str, words: str) -> None:
    """Wait until `transfer` has heard enough of the new school to refuse it with these words."""
    async with site.system.school(LEFT) as left:

        async def probe() -> bool:
            return words in (await offer(left, pupil, NEW)).text

        await eventually(probe, f"a refusal with « {words} »")


async def registry(site: Site, path: str, body: dict[str, str], **headers: str) -> None:
    """What the national administrator does with the schools of an académie."""
    token = site.system.sign({"sub": "test", "academies": {"*": ["admin-national"]}})
    url = f"{site.system.urls['etablissement']}/academies/{ACADEMIE}/schools{path}"
    sent = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4()), **headers}
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json=body, headers=sent)
    assert answer.is_success, answer.text


async def choose(page: Page, who: str) -> None:
    await page.goto("/transferts/a-la-main")
    box = page.get_by_role("checkbox", name=f"Choisir {who}")
    await box.check()
    form = page.locator("form").filter(has=box)
    await form.get_by_role("button", name="Choisir l’établissement d’accueil").click()


async def find(page: Page, text: str) -> None:
    await page.get_by_label("Chercher l’établissement d’accueil").fill(text)
    await page.get_by_role("button", name="Chercher").click()


async def propose(page: Page, text: str, name: str) -> None:
    """From the choice of a school to « Proposer »."""
    await find(page, text)
    await page.get_by_role("radio", name=name).check()
    await page.get_by_role("button", name="Continuer").click()
    await page.get_by_role("radio", name="l’apprenant et le ou les").check()
    await page.get_by_label("Date de l’autorisation").fill("12/01/2026")
    await page.get_by_label("Référence du papier").fill("classeur 4")
    await page.get_by_role("button", name="Continuer").click()
    await page.get_by_role("button", name="Proposer").click()


@pytest.mark.usefixtures("departed")
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_a_destination_that_can_not_be_is_refused_with_its_reason(
    site: Site, *, script: bool
) -> None:
    page = await site.page_of(SENDER, java_script_enabled=script)
    await choose(page, "KERVELLA Yann")
    await find(page, "greta de nulle part")
    await expect(page.get_by_text("Aucun établissement ne correspond")).to_be_visible()
    await expect(page.get_by_text("n’utilise pas CPro éducation ne peut rien")).to_be_visible()
    await propose(page, "dolto", "Lycée professionnel Dolto")
    refused = page.get_by_role("alert")
    await expect(refused).to_contain_text("Transfert impossible")
    line = page.get_by_role("listitem").filter(has_text="KERVELLA Yann")
    await expect(line).to_contain_text("Cet établissement utilise SIECLE")
    await expect(line).to_contain_text("sera automatique après son prochain import.")
    await expect(page.get_by_label("Référence du papier")).to_have_value("classeur 4")
    if script:
        await site.check(page, "transferts-refus")
    await page.get_by_role("button", name="Choisir un autre établissement").click()
    await expect(page.get_by_text("1 apprenant choisi : KERVELLA Yann")).to_be_visible()
    await expect(page.get_by_label("Chercher l’établissement d’accueil")).to_be_visible()


@pytest.mark.usefixtures("departed")
async def test_a_school_that_does_not_take_part_or_has_closed_receives_nothing(site: Site) -> None:
    page = await site.page_of(SENDER)
    async with site.system.school(LEFT) as left:
        pupil = (await left.pupil(WITH_INE.family_name))["id"]
    for uai, name in ((NEW, "GRETA Fresnel"), (NEXT, "GRETA de Lisieux")):
        await registry(site, "", {"uai": uai, "name": name, "town": "Lisieux"})
    await told_of(site, pupil, "n'a pas activé le transfert")
    await choose(page, "KERVELLA Yann")
    await propose(page, "fresnel", "GRETA Fresnel")
    line = page.get_by_role("listitem").filter(has_text="KERVELLA Yann")
    await expect(line).to_contain_text("n'a pas activé le transfert : demandez-lui de le faire.")
    await registry(site, f"/{NEW}/closing", {"successor": NEXT}, **{"If-Match": '"1"'})
    await told_of(site, pupil, "fermé")
    await page.get_by_role("button", name="Continuer").click()
    await page.get_by_role("button", name="Proposer").click()
    await expect(line).to_contain_text(f"fermé : indiquez celui qui lui a succédé, {NEXT}.")
    await page.get_by_role("button", name="Choisir un autre établissement").click()
    await find(page, "fresnel")
    await expect(page.get_by_role("radio", name="GRETA Fresnel")).to_be_disabled()
    await expect(page.get_by_text("fermé", exact=True)).to_be_visible()
    await site.check(page, "transferts-etablissement-ferme")


async def test_an_offer_is_refused_made_again_withdrawn_and_attached_to_who_is_there(
    site: Site,
) -> None:
    async with site.system.school(LEFT) as left, site.system.school(CENTRE) as centre:
        pupil = await entered_and_left(left, "NÉDÉLEC", "Jade", TODAY - dt.timedelta(days=5))
        same = {"family_name": "NEDELEC", "first_name": "Jade", "birth_date": "2009-05-02"}
        entered = {"Idempotency-Key": str(uuid4())}
        await centre.call("siecle_import", "POST", "/pupils", json=same, headers=entered)
    await offered(site, pupil)
    sender, centre_office = await site.page_of(SENDER), await site.page_of(CENTRE_OFFICE)
    await answer(centre_office)
    await centre_office.get_by_role("radio", name="Cette personne n’est pas inscrite").check()
    await centre_office.get_by_role("button", name="Refuser la proposition").click()
    await expect(centre_office.get_by_text("La proposition est refusée")).to_be_visible()
    await sender.goto("/transferts/historique")
    sent = sender.get_by_role("row").filter(has_text="NÉDÉLEC Jade")
    await expect(sent).to_contain_text("refusé")
    await sent.get_by_role("link", name="NÉDÉLEC Jade").click()
    because = sender.get_by_role("definition").filter(has_text="pas inscrite chez nous")
    await expect(because).to_be_visible()

    await offered(site, pupil)
    await answer(centre_office)
    await sender.goto("/transferts/a-la-main")
    await sender.get_by_role("button", name="Retirer la proposition : NÉDÉLEC Jade").click()
    await expect(sender.get_by_text("La proposition est retirée")).to_be_visible()
    await centre_office.get_by_role("button", name="Accepter et créer l’apprenant").click()
    await expect(centre_office.get_by_text("déjà été traité")).to_be_visible()

    await offered(site, pupil)
    await answer(centre_office)
    await expect(centre_office.get_by_role("radio", name="NEDELEC Jade")).to_be_visible()
    await centre_office.get_by_role("button", name="Accepter et rattacher").click()
    await expect(centre_office.get_by_role("alert")).to_contain_text("choisissez un apprenant")
    await site.check(centre_office, "transferts-rattachement")
    await centre_office.get_by_role("radio", name="NEDELEC Jade").check()
    await centre_office.get_by_role("button", name="Accepter et rattacher").click()
    await expect(centre_office.get_by_text("La proposition est acceptée")).to_be_visible()
    await expect(centre_office.get_by_role("link", name="NEDELEC Jade")).to_be_visible()


async def answer(page: Page) -> None:
    """Open the offer that came last."""
    await page.goto("/transferts/propositions")
    await page.get_by_role("link", name="Voir la proposition").last.click()
    await expect(page.get_by_role("heading", name="L’apprenant proposé")).to_be_visible()


@pytest.mark.usefixtures("departed")
async def test_an_offer_is_kept_despite_a_match_and_a_return_declined(site: Site) -> None:
    async with site.system.school(LEFT) as left:
        kept = (await left.pupil(KEPT.family_name))["id"]
    await offered(site, kept)
    async with site.system.school(RECEIVED) as received:
        arrived = (NEIGHBOUR, MOVED, OTHER_BIRTH, KEPT, RETURNS)
        await imported(received, arrived, TODAY - dt.timedelta(days=4))
    sender, centre_office = await site.page_of(SENDER), await site.page_of(CENTRE_OFFICE)
    await decided(sender, "/transferts/a-la-main", "LOZACH Nina", "retrouvé ailleurs")
    await site.check(sender, "transferts-retrouve")
    await answer(centre_office)
    await centre_office.get_by_role("button", name="Accepter et créer l’apprenant").click()
    await expect(centre_office.get_by_role("alert")).to_contain_text("Rapprochement à trancher")
    await sender.get_by_role("button", name="Maintenir la proposition : LOZACH Nina").click()
    await expect(sender.get_by_text("La proposition est maintenue")).to_be_visible()
    await expect(sender.get_by_text("retrouvé ailleurs")).to_have_count(0)
    await centre_office.get_by_role("button", name="Accepter et créer l’apprenant").click()
    await expect(centre_office.get_by_text("La proposition est acceptée")).to_be_visible()
    await decided(sender, "/transferts/historique", "LOZACH Nina", "clos")
    await decline_return(site, sender)


async def decided(page: Page, path: str, who: str, words: str) -> None:
    """Wait until the list at `path` says this of someone."""
    row = page.get_by_role("row").filter(has_text=who).filter(has_text=words)

    async def shown() -> bool:
        await page.goto(path)
        return bool(await row.count())

    await eventually(shown, f"« {words} » of {who}")


async def decline_return(site: Site, sender: Page) -> None:
    """The school of origin asks for a dossier that has followed by itself; the other keeps it."""
    receiver = await site.page_of(RECEIVER)
    await decided(sender, "/transferts/historique", "MORVAN Ewen", "clos")
    await sender.get_by_role("link", name="MORVAN Ewen").click()
    await sender.get_by_role("button", name="Demander le retour").click()
    await expect(sender.get_by_role("alert")).to_contain_text("choisissez un motif")
    await sender.get_by_role("radio", name="La famille le demande").check()
    await sender.get_by_role("button", name="Demander le retour").click()
    await expect(sender.get_by_text("Le retour est demandé")).to_be_visible()
    await expect(sender.get_by_role("button", name="Demander le retour")).to_have_count(0)
    await receiver.goto("/transferts/historique")
    row = receiver.get_by_role("row").filter(has_text="MORVAN Ewen")
    await expect(row).to_contain_text("retour demandé")
    await row.get_by_role("link", name="MORVAN Ewen").click()
    await receiver.get_by_role("button", name="Refuser le retour").click()
    await expect(receiver.get_by_text("Votre refus est enregistré")).to_be_visible()
    await expect(receiver.get_by_role("button", name="Refuser le retour")).to_have_count(0)
    await expect(receiver.get_by_text("demande le retour du dossier")).to_have_count(0)
    await site.check(receiver, "transferts-retour-refuse")
    await sender.reload()
    await expect(sender.get_by_text("Retour du dossier refusé")).to_be_visible()
