"""Administrators read the imports of a school and see its cachet; they change neither."""

import re
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.local.client import School
from shared.database import Database
from tests.integration.gateway.support import SCHOOL, Place, newcomer, token
from tests.support.pictures import drawn, encoded
from tests.support.siecle import export


async def imported(place: Place, folder: Path) -> tuple[str, str]:
    """An import that is applied, and one that waits because somebody is missing in it."""
    async with School(SCHOOL, place.system.urls, place.system.sign) as school:
        first = export(folder / "1.xml", SCHOOL, "01/09/2025 08:00:00", [1, 2])
        applied = await school.import_file(first)
        second = export(folder / "2.xml", SCHOOL, "10/01/2026 08:00:00", [1])
        ready = await school.send_file(second)
    assert (applied["state"], ready["state"]) == ("applied", "ready")
    return applied["id"], ready["id"]


def forms(page: httpx.Response) -> set[str]:
    """Where the forms of a page go, but for the one that everyone has."""
    assert page.status_code == 200, page.text
    return {*re.findall(r'action="([^"]+)"', page.text)} - {"/deconnexion"}


async def test_an_administrator_reads_an_import_and_is_given_no_form(
    place: Place, registry: Database, tmp_path: Path
) -> None:
    applied, ready = await imported(place, tmp_path)
    waiting, done = f"/import/{ready}", f"/import/{applied}"
    acts = {
        "/import", "/import/preferences", f"{waiting}/confirmation", f"{waiting}/abandon",
        f"{done}/annulation",
    }  # fmt: skip
    pages = ["/import", "/import/historique", waiting, done, f"{waiting}/listes/deactivated"]
    await place.sign_in()
    offered = {form for path in pages for form in forms(await place.http.get(path))}
    offered |= forms(await place.http.get(f"{done}/annulation"))
    assert offered == acts, "the head is given each of them"

    await newcomer(place, registry, "admin-national")
    told = {path: await place.http.get(path) for path in pages}
    assert [path for path, page in told.items() if forms(page)] == []
    assert "Annuler cet import" not in told[done].text
    assert "NOM2" in told[f"{waiting}/listes/deactivated"].text
    for rest in ("/signalements/no_ine", "/rapport.csv", "/listes/deactivated/liste.csv"):
        assert (await place.http.get(waiting + rest)).status_code == 200, rest
    home, learners = await place.http.get("/"), await place.http.get("/apprenants")
    assert "Premier import SIECLE" in home.text
    assert ("Voir les imports" in home.text, "Confirmer" in home.text) == (True, False)
    assert "Voir cet import" in learners.text
    assert "Vérifier et confirmer" not in learners.text
    form, file = {"csrf": await token(place), "pour": SCHOOL}, {"fichier": ("x.zip", b"x")}
    for path in acts:
        sent = await place.http.post(path, data=form, files=file if path == "/import" else None)
        assert (sent.status_code, "Droit manquant" in sent.text) == (403, True), path
    async with School(SCHOOL, place.system.urls, place.system.sign) as school:
        now = (await school.call("siecle_import", "GET", f"/imports/{ready}")).json()
    assert now["state"] == "ready"


async def test_an_administrator_sees_the_cachet_and_makes_nothing_with_it(
    place: Place, registry: Database
) -> None:
    async with School(SCHOOL, place.system.urls, place.system.sign) as school:
        await school.call(
            "etablissement", "PUT", "/cachet", content=encoded(drawn(), "PNG"),
            headers={"If-None-Match": "*"},
        )  # fmt: skip
    await newcomer(place, registry, "admin-national")
    page = await place.http.get("/logo")
    assert forms(page) == set()
    image = re.search(r'src="(/logo/cachet/[0-9a-f]{64}\.png)"', page.text)
    assert image, page.text
    seen = await place.http.get(image[1])
    assert (seen.status_code, seen.headers["cache-control"]) == (200, "no-store")
    assert (await place.http.get("/logo/cachet/historique")).status_code == 200
    assert (await place.http.get("/logo/cachet/supprimer")).status_code == 403
    assert (await place.http.get(f"/apprenants/{uuid4()}/passeport.pdf")).status_code == 403
    form = {"csrf": await token(place), "pour": SCHOOL}
    for path, files in (("/logo/cachet", {"f": ("x.png", b"x")}), ("/logo/cachet/supprimer", None)):
        assert (await place.http.post(path, data=form, files=files)).status_code == 403, path
