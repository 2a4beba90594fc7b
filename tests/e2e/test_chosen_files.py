"""A file that was chosen stays chosen when it is refused, wherever one is sent."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from playwright.async_api import Page, expect

from deploy.local.people import ACADEMIE, ADMINISTRATOR, HEAD, Person
from tests.e2e.support import Site
from tests.support.pictures import picture

NOT_KEPT = "Choisissez de nouveau le fichier « {} »"


class Sent(NamedTuple):
    """A file that is refused: where, by which field and button, and what the page says."""

    person: Person
    path: str
    field: str
    button: str
    name: str
    content: bytes
    told: str


DIPLOMAS = f"/administration/{ACADEMIE}/tables/diplomes"
REFUSED: Sequence[Sent] = (
    Sent(HEAD, "/logo", "pour le logo", "Télécharger un logo", "l.gif", b"GIF89a", "PNG"),
    Sent(
        HEAD, "/logo", "pour le cachet", "Télécharger le cachet de l'établissement", "c.gif",
        b"GIF89a", "PNG",
    ),
    Sent(
        HEAD, "/import", "Fichier à importer", "Envoyer le fichier", "Nomenclature.xml",
        b"<BEE_NOMENCLATURES><DONNEES>", "Nomenclature",
    ),
    Sent(
        ADMINISTRATOR, DIPLOMAS, "Fichier CSV", "Voir ce qui changerait", "d.csv",
        b"a;b\r\n1;2\r\n", "colonne",
    ),
)  # fmt: skip


async def send(page: Page, one: Sent) -> None:
    file = {"name": one.name, "mimeType": "", "buffer": one.content}
    await page.get_by_label(one.field).set_input_files(file)  # type: ignore[arg-type]
    await page.get_by_role("button", name=one.button).click()
    await expect(page.get_by_role("alert")).to_contain_text(one.told)


async def kept(page: Page, field: str) -> list[str]:
    names: list[str] = await page.get_by_label(field).evaluate(
        "field => [...field.files].map((file) => file.name)"
    )
    return names


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: f"{one.path} {one.field}")
async def test_a_refused_file_stays_chosen(site: Site, one: Sent) -> None:
    page = await site.page_of(one.person)
    await page.goto(one.path)
    await send(page, one)
    await expect(page.get_by_text(NOT_KEPT.format(one.name))).to_have_count(0)
    assert await kept(page, one.field) == [one.name]
    await page.get_by_role("button", name=one.button).click()
    await expect(page.get_by_role("alert")).to_contain_text(one.told)
    assert await kept(page, one.field) == [one.name], "the same file is sent and refused again"
    await site.check(page, f"fichier-refuse-{one.name}")


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: f"{one.path} {one.field}")
async def test_without_javascript_a_refused_file_is_asked_for_again(site: Site, one: Sent) -> None:
    page = await site.page_of(one.person, java_script_enabled=False)
    await page.goto(one.path)
    await send(page, one)
    await expect(page.get_by_text(NOT_KEPT.format(one.name))).to_be_visible()


async def test_who_sends_hears_of_it_and_that_it_did_not_arrive(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/logo")
    await page.route("**/logo/logo", lambda route: route.abort())
    file = {"name": "logo.png", "mimeType": "image/png", "buffer": picture()}
    await page.get_by_label("pour le logo").set_input_files(file)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Télécharger un logo").click()
    status = page.get_by_role("status").filter(has_text="L’envoi n’a pas abouti")
    await expect(status).to_be_visible()
    assert await kept(page, "pour le logo") == ["logo.png"]
    await page.unroute("**/logo/logo")
    await page.get_by_role("button", name="Télécharger un logo").click()
    await expect(page.get_by_text("l'image est enregistrée")).to_be_visible()
    assert await kept(page, "pour le logo") == [], "what was taken is chosen no more"
    await page.get_by_role("button", name="supprimer le logo").click()
    # The button that confirms has the same name: not before it is there.
    await expect(page.get_by_role("heading", name="Supprimer le logo", level=1)).to_be_visible()
    await page.get_by_role("button", name="Supprimer le logo").click()
    await expect(page.get_by_text("l'image est supprimée")).to_be_visible()
