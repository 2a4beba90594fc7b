"""A file in a form is passed on as it comes, and never held whole."""

import tracemalloc
from collections.abc import AsyncIterator, Iterable

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message

from services.gateway.web.uploads import UnreadableFormError, Upload
from shared.web.app import BODY_LIMIT

FIELDS = (
    b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\ntoken\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="C:\\x\\El\xc3\xa8ves.zip"\r\n'
    b"Content-Type: application/zip\r\n\r\n"
)
PIECE = bytes(range(256)) * 256


def request(pieces: Iterable[bytes], kind: str = "multipart/form-data; boundary=b") -> Request:
    left = iter(pieces)

    async def receive() -> Message:
        piece = next(left, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_fields_first_then_the_file() -> None:
    body = FIELDS + PIECE + b"\r\n--b--\r\n"
    for step in (1 << 20, 7):
        pieces = (body[start : start + step] for start in range(0, len(body), step))
        upload = await Upload.of(request(pieces), at_most=1 << 20)
        assert upload.form["csrf"] == "token"
        assert upload.filename == "Elèves.zip"
        assert b"".join([chunk async for chunk in upload.chunks()]) == PIECE


async def test_memory_stays_small_however_large_the_file() -> None:
    def body() -> Iterable[bytes]:
        yield FIELDS
        for _ in range(800):
            yield PIECE
        yield b"\r\n--b--\r\n"

    asked = request(body())
    upload = await Upload.of(asked, at_most=60_000_000)
    assert 60_000_000 <= asked.scope[BODY_LIMIT] < 61_000_000
    tracemalloc.start()
    assert sum([len(chunk) async for chunk in upload.chunks()]) == 800 * len(PIECE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


async def everything(upload: Upload) -> bytes:
    chunks: AsyncIterator[bytes] = upload.chunks()
    return b"".join([chunk async for chunk in chunks])


async def test_what_is_no_form_or_breaks_off_is_refused() -> None:
    with pytest.raises(UnreadableFormError):
        await Upload.of(request([b"x"], "text/plain"), at_most=10)
    with pytest.raises(UnreadableFormError):
        await Upload.of(request([b"rubbish"]), at_most=10)
    broken = await Upload.of(request([FIELDS + b"half"]), at_most=10)
    with pytest.raises(UnreadableFormError):
        await everything(broken)
    long = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"y" * 20_000
    with pytest.raises(HTTPException):
        await Upload.of(request([long]), at_most=10)
