"""Files attached to records: what is taken, how it is given back, where it goes."""

import asyncio
import hashlib
import zipfile
from io import BytesIO
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from services.dossier import files
from shared.database import Database
from shared.events import PupilErased
from tests.integration.dossier.support import (
    PDF,
    Learner,
    check,
    come,
    merge,
    move,
    take,
    take_back,
)
from tests.support.pupils import A, B

PNG = b"\x89PNG\r\n\x1a\n rest"
NAME = "attachment; filename=\"bulletin.pdf\"; filename*=UTF-8''Bulletin%20de%20Ma%C3%ABlys.pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"


def odt(kind: str = ODT) -> bytes:
    """A document as LibreOffice writes it."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", "<x/>")
    return file.getvalue()


@pytest.fixture
async def record(learner: Learner) -> Json:
    return await learner.write()


async def attached(learner: Learner, record: Json, **headers: str) -> Json:
    answer = await learner.attach(record["id"], PDF, "application/pdf", **headers)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def content(learner: Learner, made: Json, **headers: str) -> httpx.Response:
    route = f"/records/{made['record_id']}/attachments/{made['id']}"
    given = {k.replace("_", "-"): v for k, v in headers.items()}
    return await learner.call("GET", route, headers=given)


async def test_a_file_is_given_back_as_it_was_sent_to_be_saved_under_its_name(
    learner: Learner, record: Json
) -> None:
    made = await attached(learner, record, Content_Disposition=NAME)
    assert (made["name"], made["size"], made["media_type"]) == (
        "Bulletin de Maëlys.pdf", len(PDF), "application/pdf",
    )  # fmt: skip
    assert made["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert await learner.attached(record["id"]) == [made]
    answer = await content(learner, made)
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="Bulletin de Ma_lys.pdf"; '
        "filename*=UTF-8''Bulletin%20de%20Ma%C3%ABlys.pdf"
    )


async def test_a_content_that_is_known_is_not_sent_again(learner: Learner, record: Json) -> None:
    made = await attached(learner, record)
    tag = (await content(learner, made)).headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await content(learner, made, If_None_Match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await content(learner, made, If_None_Match='"x"')).status_code == 200


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0 rest"),
        ("image/webp", b"RIFF\x00\x00\x00\x00WEBPVP8 "),
        ("text/plain; charset=utf-8", "déjà".encode()),
        (ODT, odt()),
        (DOCX, b"PK\x03\x04 rest"),
    ],
)
async def test_the_usual_kinds_of_files_are_taken(
    learner: Learner, record: Json, told: str, sent: bytes
) -> None:
    answer = await learner.attach(record["id"], sent, told)
    assert answer.status_code == 201, answer.text
    given = await content(learner, answer.json())
    assert (given.content, given.headers["content-type"]) == (sent, told.partition(";")[0])


async def test_other_kinds_of_files_are_refused(learner: Learner, record: Json) -> None:
    for told in ("text/html", "image/svg+xml", "application/x-msdownload", "", "pdf"):
        check(await learner.attach(record["id"], PDF, told), 415, "Type de fichier refusé")
    for told, sent in (
        ("application/pdf", PNG),
        ("image/png", PDF),
        ("image/webp", b"RIFF1234WAVE"),
        ("text/plain", PDF),
        ("text/plain", b"\x00\x01"),
        (DOCX, b"<html>"),
        (ODT, odt("application/zip")),
        (ODT, b"PK\x03\x04"),
    ):
        answer = await learner.attach(record["id"], sent, told)
        check(answer, 422, "Contenu différent du type annoncé")
    check(await learner.attach(record["id"], b""), 422, "Fichier vide")
    assert await learner.attached(record["id"]) == []


async def test_a_file_above_5_mb_is_refused(learner: Learner, record: Json) -> None:
    largest = PDF.ljust(files.MAX_BYTES)
    assert (await learner.attach(record["id"], largest)).status_code == 201
    check(await learner.attach(record["id"], largest + b" "), 413, "Envoi trop volumineux")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (r"attachment; filename=C:\dossiers\bilan.pdf", "bilan.pdf"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ('attachment; filename="a;b%.pdf"', "a;b%.pdf"),
        ("attachment; filename*=UTF-8''a%0D%0Ab%00.pdf", "ab.pdf"),
        ("attachment; filename*=idna''%ff", "document.pdf"),
        ("attachment", "document.pdf"),
        (f"attachment; filename={'x' * 300}.pdf", "x" * 116 + ".pdf"),
    ],
)
async def test_a_strange_name_is_made_a_plain_one(
    learner: Learner, record: Json, given: str, name: str
) -> None:
    made = await attached(learner, record, Content_Disposition=given)
    assert made["name"] == name
    answer = await content(learner, made)
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert "%00" not in answer.headers["content-disposition"]


async def test_repeating_an_attachment_attaches_once(learner: Learner, record: Json) -> None:
    route = f"/records/{record['id']}/attachments"
    check(await learner.attach(record["id"], Idempotency_Key=""), 400)
    made = await attached(learner, record, Idempotency_Key="one")
    assert await attached(learner, record, Idempotency_Key="one") == made
    other = await learner.attach(record["id"], PDF + b"!", Idempotency_Key="one")
    check(other, 422, "Clé d'idempotence déjà utilisée")
    assert len(await learner.attached(record["id"])) == 1
    removed = await learner.call("DELETE", f"{route}/{made['id']}", module=True)
    assert (removed.status_code, removed.content) == (204, b"")
    again = await learner.attach(record["id"], Idempotency_Key="one")
    check(again, 404, "Pièce jointe inconnue")


async def test_a_record_has_ten_attachments_at_most_also_when_all_come_at_once(
    learner: Learner, record: Json
) -> None:
    answers = await asyncio.gather(*(learner.attach(record["id"]) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 2
    assert len(await learner.attached(record["id"])) == 10


async def test_an_attachment_makes_a_new_version_of_its_record(
    learner: Learner, record: Json
) -> None:
    made = await attached(learner, record)
    route = f"/records/{record['id']}"
    assert (await learner.call("GET", route)).headers["etag"] == '"2"'
    await learner.call("DELETE", f"{route}/attachments/{made['id']}", module=True)
    assert (await learner.call("GET", route)).headers["etag"] == '"3"'


async def test_an_attachment_that_is_removed_or_of_another_record_is_unknown(
    learner: Learner, record: Json
) -> None:
    made = await attached(learner, record)
    other = await learner.write()
    for method in ("GET", "DELETE"):
        for route in (f"/{other['id']}/attachments/{made['id']}",
                      f"/{record['id']}/attachments/{uuid4()}"):  # fmt: skip
            answer = await learner.call(method, f"/records{route}", module=True)
            check(answer, 404, "Pièce jointe inconnue")
        answer = await learner.call(
            method, f"/records/{uuid4()}/attachments/{made['id']}", module=True
        )
        check(answer, 404, "Document inconnu")
    check(await learner.attach(str(uuid4())), 404, "Document inconnu")


async def test_staff_attach_nothing_and_another_school_sees_nothing(
    learner: Learner, record: Json, b: School
) -> None:
    made = await attached(learner, record)
    route = f"/records/{record['id']}/attachments"
    check(await learner.call("POST", route, content=PDF), 403)
    check(await learner.call("DELETE", f"{route}/{made['id']}"), 403)
    stranger = Learner(b, learner.id)
    for method, path in (("GET", ""), ("GET", f"/{made['id']}"), ("DELETE", f"/{made['id']}")):
        answer = await stranger.call(method, route + path, module=True)
        check(answer, 404, "Apprenant inconnu")
    check(await stranger.attach(record["id"]), 404, "Apprenant inconnu")


async def test_attachments_go_with_their_record_to_the_next_school(
    learner: Learner, record: Json, b: School, base: Database
) -> None:
    made = await attached(learner, record)
    there = Learner(b, str(await come(base, B)))
    await move(base, learner.id, UUID(there.id))
    assert (await content(there, made)).content == PDF
    check(await content(learner, made), 404, "Document inconnu")
    check(await learner.attach(record["id"]), 409, "Dossier transmis")


async def test_what_the_new_school_has_attached_does_not_go_back_with_a_reversal(
    learner: Learner, record: Json, b: School, base: Database
) -> None:
    untouched = await learner.write()
    there = Learner(b, str(await come(base, B)))
    transfer = await move(base, learner.id, UUID(there.id))
    made = await attached(there, record)
    await take_back(base, learner.id, UUID(there.id), transfer)
    assert await learner.attached(untouched["id"]) == []
    check(await content(learner, made), 404, "Document inconnu")
    assert (await content(there, made)).content == PDF


async def test_attachments_of_a_merged_learner_are_those_of_the_one_he_goes_on_as(
    learner: Learner, record: Json, a: School, base: Database
) -> None:
    made = await attached(learner, record)
    survivor = Learner(a, str(await come(base, A)))
    await merge(base, learner.id, survivor.id)
    assert (await content(survivor, made)).content == PDF
    assert (await survivor.attach(record["id"])).status_code == 201


async def test_who_is_erased_is_erased_with_his_attachments(
    learner: Learner, record: Json, base: Database
) -> None:
    await attached(learner, record)
    await take(base, PupilErased(pupil_id=UUID(learner.id)))
    async with base.connection() as connection:
        for table in ("attachment", "attachment_content"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
