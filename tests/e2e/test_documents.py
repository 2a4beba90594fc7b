"""Help and legal pages; the passeport professionnel, also for the learner; the notice."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import expect

from deploy.local.client import Json, School
from deploy.local.people import HEAD, A, B
from services.gateway.web.tabs import LEGAL, TABS, help_of
from tests.e2e.conftest import SERVICES
from tests.e2e.support import Site

BARE = "9990009F"
LONG = "L’élève sait œuvrer à l’atelier, lire un plan et contrôler son travail. " * 60


async def entered(school: School) -> str:
    """A learner whom the school enters by hand, with three records."""
    given = {"family_name": "ŞAHİN", "first_name": "Zoë", "birth_date": "2008-03-01"}
    answer = await school.call(
        "siecle_import", "POST", "/pupils", json=given, headers={"Idempotency-Key": str(uuid4())}
    )
    assert answer.is_success, answer.text
    pupil: str = answer.json()["id"]
    for kind in ("bilan", "fiche", "evaluation"):
        await school.write_record(pupil, kind, LONG[:180])
    return pupil


async def own(site: Site, **claims: Any) -> httpx.Response:
    """What the route of the passeport answers a token of these claims."""
    token = site.system.sign({"sub": "apprenant-1", **claims})
    async with httpx.AsyncClient(timeout=30) as http:
        return await http.get(f"{site.url}/passeport", headers={"Authorization": f"Bearer {token}"})


async def test_the_legal_pages_and_the_help_are_there_for_everyone(site: Site) -> None:
    page = await site.new_page()
    topics = [help_of(tab.path) for tab in TABS]
    further = ["/aide/mise-en-service", "/aide/glossaire"]
    for path in [path for _, path in LEGAL] + topics + further:
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        await site.check(page, path.strip("/").replace("/", "-"))
    await page.goto("/accessibilite")
    await expect(page.get_by_role("contentinfo")).to_contain_text("Accessibilité : non conforme")
    await expect(page.get_by_role("main")).to_contain_text("Défenseur des droits")
    async with httpx.AsyncClient(base_url=site.url) as http:
        assert "Disallow: /" in (await http.get("/robots.txt")).text
        assert "Expires: 20" in (await http.get("/.well-known/security.txt")).text
        assert (await http.get("/aide/rien")).status_code == 404


async def test_staff_hand_out_the_notice_and_the_passeport(site: Site) -> None:
    page = await site.page_of(HEAD)
    await page.goto("/etablissement")
    await page.get_by_role("link", name="Aide sur cette page").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Aide : Etablissement")
    await page.goto("/information-familles")
    await site.check(page, "information-familles")
    notice = await page.context.request.get("/information-familles.pdf")
    assert (notice.status, (await notice.body())[:5]) == (200, b"%PDF-")
    async with site.system.school(A) as school:
        pupil = await entered(school)
    await page.goto(f"/apprenants/{pupil}/passeport")
    await site.check(page, "passeport")
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Télécharger le passeport").click()
    download = await coming.value
    assert download.suggested_filename == "passeport-professionnel.pdf"
    assert (await page.context.request.get(f"/apprenants/{uuid4()}/passeport.pdf")).status == 404


async def test_a_learners_own_token_opens_his_own_passeport_and_nothing_else(site: Site) -> None:
    async with site.system.school(B) as school:
        pupil = await entered(school)
    learner: Json = {"scope": "passeport:own", "learner": {"uai": B, "pupil": pupil}}
    found = await own(site, **learner)
    assert (found.status_code, found.content[:5]) == (200, b"%PDF-"), found.text
    assert found.headers["cache-control"] == "no-store"
    refused: list[Json] = [
        {},
        {"scope": "passeport:own"},
        {"learner": learner["learner"]},
        {"scope": "records:read pupils:read documents:make", "learner": learner["learner"]},
        {"schools": {B: ["direction"]}},
    ]
    for claims in refused:
        assert (await own(site, **claims)).status_code == 403, claims
    elsewhere = {**learner, "learner": {"uai": A, "pupil": pupil}}
    assert (await own(site, **elsewhere)).status_code == 404
    assert (await own(site, **{**learner, "learner": {"uai": "x"}})).status_code == 401
    await check_nothing_else(site, learner, pupil)
    async with site.system.school(B) as school:
        looks = (await school.call("dossier", "GET", f"/pupils/{pupil}/looks")).json()
    assert {look["viewer"] for look in looks["looks"]} == {f"apprenant:{pupil}"}


async def check_nothing_else(site: Site, learner: Json, pupil: str) -> None:
    """Every other route of every service, his own school and id in its address."""
    token = site.system.sign({"sub": "apprenant-1", **learner})
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k", "If-Match": '"1"'}

    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        for service in SERVICES:
            for path, methods in service.app().openapi()["paths"].items():
                if path.startswith(("/health", "/metrics", "/passeport", "/version")):
                    continue
                filled = path.replace("{uai}", B).replace("{pupil_id}", pupil)
                url = site.system.urls[service.name] + filled.replace("{", "").replace("}", "")
                answers = await asyncio.gather(*(http.request(one, url) for one in methods))
                assert {one.status_code for one in answers} <= {401, 403}, url
        for page in ("/", "/apprenants", f"/apprenants/{pupil}/passeport.pdf", "/etablissement"):
            answer = await http.get(site.url + page)
            assert answer.status_code in (303, 404), page


async def test_a_passeport_is_refused_naming_what_the_card_lacks(site: Site) -> None:
    admin = {"sub": "a", "academies": {"*": ["admin-national"]}}
    headers = {"Authorization": f"Bearer {site.system.sign(admin)}", "Idempotency-Key": "bare"}
    async with httpx.AsyncClient(headers=headers) as http:
        url = f"{site.system.urls['etablissement']}/academies/Normandie/schools"
        made = await http.post(url, json={"uai": BARE, "name": "Lycée sans adresse"})
    assert made.is_success, made.text
    learner = {"uai": BARE, "pupil": str(uuid4())}
    refused = await own(site, scope="passeport:own", learner=learner)
    assert refused.status_code == 409
    assert "l'adresse électronique" in refused.json()["detail"]
