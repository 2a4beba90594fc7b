"""The tab « Logo » (guide, « Insérer les logo et le cachet de l'établissement »)."""

import asyncio
import hashlib

import httpx

from services.etablissement.api.refusals import REFUSED
from services.etablissement.domain.images import MAX_BYTES, Refusal
from shared.rights import RIGHTS, Action, Role
from tests.integration.etablissement.settings.support import (
    HEAD,
    OFFICE,
    Schools,
    module,
    problem,
    staff,
)
from tests.support.pictures import animated, bomb, opened, photo, picture
from tests.support.pupils import B

NOBODY = "9990009F"
DOCUMENTS = module("documents:make")
PNG = {"Content-Type": "image/png"}


async def uploaded(
    schools: Schools, content: bytes, tag: str | None = None, path: str = "/logo"
) -> httpx.Response:
    answer = await schools.put(path, tag, content=content)
    assert answer.status_code == 200, answer.text
    return answer


async def kept_bytes(schools: Schools) -> int:
    async with schools.database.connection() as connection:
        total: int = await connection.fetchval(
            "SELECT coalesce(sum(length(png) + length(thumbnail)), 0) FROM image"
        )
        return total


async def test_a_logo_is_added_seen_replaced_and_deleted(schools: Schools) -> None:
    problem(await schools.answer("GET", "/logo"), 404, "Pas d'image")
    problem(await schools.answer("GET", "/logo/about"), 404, "Pas d'image")
    sent = photo(orientation=6)
    answer = await uploaded(schools, sent)
    about = answer.json()
    assert (about["width"], about["height"]) == (40, 60), "it is kept upright"
    seen = await schools.answer("GET", "/logo", by=OFFICE)
    assert seen.headers["content-type"] == "image/png"
    assert seen.headers["cache-control"] == "private, no-cache"
    assert hashlib.sha256(seen.content).hexdigest() == about["digest"]
    assert (len(seen.content), opened(seen.content).size) == (about["size"], (40, 60))
    assert b"secr" not in seen.content, "what a telephone notes is not kept"
    assert not opened(seen.content).info
    tag = answer.headers["ETag"]
    assert tag == seen.headers["ETag"] == f'"{about["digest"]}"'
    assert await schools.get("/logo/about") == about

    replaced = await schools.put("/logo", tag, content=picture("WEBP", "RGBA"), by=OFFICE)
    assert replaced.status_code == 200, replaced.text
    problem(await schools.answer("GET", f"/logo/{about['digest']}"), 404, "Pas d'image")
    tag = replaced.headers["ETag"]
    deleted = await schools.answer("DELETE", "/logo", headers={"If-Match": tag})
    assert deleted.status_code == 204, deleted.text
    problem(await schools.answer("GET", "/logo"), 404, "Pas d'image")
    assert await kept_bytes(schools) == 0, "nothing of a deleted image is kept"
    again = await schools.answer("DELETE", "/logo", headers={"If-Match": tag})
    problem(again, 404, "Pas d'image")

    told = [(one["act"], one["changed_by"]) for one in await schools.changes("/logo")]
    assert told == [
        ("deleted", HEAD["sub"]), ("replaced", OFFICE["sub"]), ("added", HEAD["sub"]),
    ]  # fmt: skip
    assert await schools.changes("/cachet") == []


async def test_browsers_keep_an_image_as_long_as_it_is_the_present_one(schools: Schools) -> None:
    first = await uploaded(schools, picture("PNG", "RGBA"))
    digest, tag = first.json()["digest"], first.headers["ETag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await schools.answer("GET", "/logo", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    other = await schools.answer("GET", "/logo", headers={"If-None-Match": '"x"'})
    assert other.status_code == 200
    for_ever = await schools.answer("GET", f"/logo/{digest}")
    assert for_ever.content == other.content
    assert for_ever.headers["cache-control"] == "private, max-age=31536000, immutable"

    large = await uploaded(schools, bomb(3000, 1500), tag)
    small = await schools.answer("GET", "/logo", params={"thumbnail": True})
    assert opened(small.content).size == (240, 120)
    assert (large.json()["width"], large.json()["height"]) == (1200, 600)
    same = await schools.answer(
        "GET", f"/logo/{large.json()['digest']}", params={"thumbnail": True}
    )
    assert (same.content, same.headers["etag"]) == (small.content, small.headers["etag"])
    assert small.headers["etag"] != large.headers["etag"]
    unreadable = await schools.answer("GET", f"/logo/{'é' * 64}")
    problem(unreadable, 422)


async def test_of_two_people_who_change_it_at_once_the_second_is_told(schools: Schools) -> None:
    one, two = picture("PNG"), picture("JPEG")
    first = await asyncio.gather(
        *(schools.put("/cachet", None, content=content) for content in (one, two))
    )
    assert sorted(answer.status_code for answer in first) == [200, 412]
    refused = next(answer for answer in first if answer.status_code == 412)
    problem(refused, 412, "Modifié entre-temps")
    winner = next(answer for answer in first if answer.status_code == 200)
    tag = winner.headers["ETag"]
    changed = await uploaded(schools, picture("PNG", "L"), tag, "/cachet")
    for method in ("PUT", "DELETE"):
        for late in (tag, '"x"', '"1"', "*"):
            answer = await schools.answer(
                method, "/cachet", headers={"If-Match": late}, content=picture("WEBP")
            )
            problem(answer, 412, "Modifié entre-temps")
        problem(await schools.answer(method, "/cachet", content=one), 428, "Version requise")
    now = await schools.answer("GET", "/cachet")
    assert now.headers["ETag"] == changed.headers["ETag"], "nothing was overwritten"
    repeated = await uploaded(schools, picture("PNG", "L"), tag, "/cachet")
    assert repeated.json() == changed.json(), "who repeats what was saved is not told off"
    await uploaded(schools, picture("PNG", "L"), changed.headers["ETag"], "/cachet")
    assert [one["act"] for one in await schools.changes("/cachet")] == ["replaced", "added"]


async def test_what_is_no_image_is_refused_with_its_reason_and_what_to_do(
    schools: Schools,
) -> None:
    png, jpeg, webp = picture("PNG"), picture("JPEG"), picture("WEBP")
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'
    cases: list[tuple[Refusal, bytes, str]] = [
        (Refusal.EMPTY, b"", "image/png"),
        (Refusal.TOO_BIG, png.ljust(MAX_BYTES + 1, b"\0"), "image/png"),
        (Refusal.GIF, picture("GIF", "P"), "image/gif"),
        (Refusal.GIF, picture("GIF", "P"), "image/png"),
        (Refusal.SVG, svg, "image/svg+xml"),
        (Refusal.SVG, b"\n <!DOCTYPE html><script>", "image/png"),
        (Refusal.HEIC, b"\0\0\0\x18ftypheic", "image/heic"),
        (Refusal.PDF, b"%PDF-1.7", "image/jpeg"),
        (Refusal.UNKNOWN, picture("BMP"), "image/bmp"),
        (Refusal.DISGUISED, jpeg, "image/png"),
        (Refusal.DISGUISED, png, "image/svg+xml"),
        (Refusal.ANIMATED, animated("PNG"), "image/png"),
        (Refusal.ANIMATED, animated("WEBP"), "image/webp"),
        (Refusal.TRUNCATED, png[:-20], "image/png"),
        (Refusal.TRUNCATED, jpeg[: len(jpeg) // 2], "image/jpeg"),
        (Refusal.TRUNCATED, webp[:-3], "image/webp"),
        (Refusal.TRAILING, png + b"PK\x03\x04", "image/png"),
        (Refusal.TRAILING, jpeg + b"<script>", "image/jpeg"),
        (Refusal.TRAILING, webp + b"%PDF-1.7", "image/webp"),
        (Refusal.DAMAGED, png.replace(b"IDAT", b"IDAX"), "image/png"),
        (Refusal.TOO_MANY_PIXELS, bomb(40_000, 40_000), "image/png"),
        (Refusal.TOO_MANY_PIXELS, bomb(5_000, 5_000), "image/png"),
    ]  # fmt: skip
    assert {refusal for refusal, _, _ in cases} == set(Refusal) - {Refusal.TOO_HEAVY}
    for refusal, content, told in cases:
        answer = await schools.put("/logo", None, content=content, headers={"Content-Type": told})
        shown = problem(answer, REFUSED[refusal].status, REFUSED[refusal].title)
        assert shown["detail"].endswith(("envoyez-la.", "envoyez-le.", "un autre.")), shown
    assert await schools.changes("/logo") == []


async def test_what_a_file_is_called_does_not_matter_if_it_says_nothing(schools: Schools) -> None:
    tag = None
    for told in ("", "application/octet-stream", "image/jpg"):
        headers = {"Content-Type": told}
        answer = await schools.put("/logo", tag, content=picture("JPEG"), headers=headers)
        assert answer.status_code == 200, answer.text
        tag = answer.headers["ETag"]


def may(role: Role, action: Action) -> bool:
    return role in RIGHTS[action]


async def test_the_cachet_is_for_staff_administrators_and_documents(schools: Schools) -> None:
    await uploaded(schools, picture(), path="/logo")
    await uploaded(schools, picture(), path="/cachet")
    seen_by = {"/logo": Action.READ_SCHOOL, "/cachet": Action.SEE_STAMP}
    for path, action in seen_by.items():
        digest = (await schools.get(f"{path}/about"))["digest"]
        views = [path, f"{path}/about", f"{path}/history", f"{path}/{digest}"]
        for role in Role:
            for view in views:
                answer = await schools.answer("GET", view, by=staff(role))
                assert answer.status_code == (200 if may(role, action) else 403), (role, view)
            for method in ("PUT", "DELETE"):
                answer = await schools.answer(method, path, by=staff(role))
                wanted = 428 if may(role, Action.EDIT_SCHOOL) else 403
                assert answer.status_code == wanted, (role, method, path)
        for view in views:
            other = await schools.answer("GET", view, by=staff("direction", B))
            assert other.status_code == 403, "another school"
            assert (await schools.answer("GET", view, by=DOCUMENTS)).status_code == 200
            read = await schools.answer("GET", view, by=module("schools:read"))
            assert read.status_code == (200 if path == "/logo" else 403)


async def test_a_school_that_is_not_in_the_registry_has_no_images(schools: Schools) -> None:
    head = staff("direction", NOBODY)
    for view in ("/logo", "/cachet/about", "/logo/history", f"/logo/{'0' * 64}"):
        answer = await schools.answer("GET", view, by=head, uai=NOBODY)
        problem(answer, 404, "Établissement inconnu")
    for method in ("PUT", "DELETE"):
        answer = await schools.answer(
            method, "/logo", by=head, uai=NOBODY, headers={"If-None-Match": "*", **PNG},
            content=picture(),
        )  # fmt: skip
        problem(answer, 404, "Établissement inconnu")
