"""A form with a file, passed on as it comes: the fields first, then the file, never held whole."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.web.app import BODY_LIMIT

SILENCE = 60.0
"""Seconds without a byte after which an upload has broken off: it holds a connection of others."""

FIELD_BYTES = 10_000
FIELDS = 50
OVERHEAD = 64 * 1024
"""What a form adds to its file: boundaries, headers, fields."""


class UnreadableFormError(Exception):
    """The body is no form with a file, or it broke off."""


class Upload:
    """The form and, as it comes, the file.

    `form` has the fields that stand before the file. `filename` is the file's name as the browser
    tells it, without folders; empty if none was chosen.
    """

    def __init__(self, request: Request) -> None:
        self._stream = request.stream()
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise UnreadableFormError
        try:
            self._parser = MultipartParser(options[b"boundary"], _callbacks(self))
        except FormParserError:  # a boundary that is too long
            raise UnreadableFormError from None
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._field: bytes | None = None
        self._value = b""
        self._fields: list[tuple[str, str]] = []
        self._pieces: deque[bytes] = deque()
        self._in_file = self._ended = False
        self.filename = ""

    @classmethod
    async def of(cls, request: Request, at_most: int) -> "Upload":
        """Read the form up to its file, which may have `at_most` bytes.

        Raises:
            UnreadableFormError
        """
        request.scope[BODY_LIMIT] = at_most + OVERHEAD
        upload = cls(request)
        while not upload._in_file and not upload._ended and await upload._read():
            pass
        return upload

    @property
    def form(self) -> FormData:
        """The fields before the file."""
        return FormData([*self._fields])

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file, piece by piece.

        Raises:
            UnreadableFormError: it broke off.
        """
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._ended:
                return
            if not await self._read():
                raise UnreadableFormError

    async def drain(self) -> None:
        """Read what is left, so that the browser hears the answer."""
        async for _ in self.chunks():
            pass

    async def _read(self) -> bool:
        """Parse what comes next; False at the end of the body."""
        try:
            async with asyncio.timeout(SILENCE):
                data = await anext(self._stream, b"")
            self._parser.write(data)
        except (FormParserError, ClientDisconnect, TimeoutError):
            raise UnreadableFormError from None
        return bool(data)

    def on_part_begin(self) -> None:
        """A part begins."""
        if len(self._fields) >= FIELDS:
            raise HTTPException(413)
        self._field, self._value = None, b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name."""
        name, value = self._header
        self._header = (name + data[start:end], value)

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value."""
        name, value = self._header
        self._header = (name, value + data[start:end])

    def on_header_end(self) -> None:
        """A header is complete: the one that names the part is read."""
        name, value = self._header
        self._header = (b"", b"")
        if name.lower() != b"content-disposition" or self._in_file:
            return
        _, options = parse_options_header(value)
        self._field = options.get(b"name", b"")
        if b"filename" in options:
            self._in_file = True
            given = options[b"filename"].decode(errors="replace").replace("\\", "/")
            self.filename = "".join(c for c in given.rpartition("/")[2] if c.isprintable())[:200]

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of a field or of the file."""
        if self._ended:
            return
        if self._in_file:
            self._pieces.append(data[start:end])
        elif len(self._value) + end - start > FIELD_BYTES:
            raise HTTPException(413)
        else:
            self._value += data[start:end]

    def on_part_end(self) -> None:
        """A part is complete."""
        if self._in_file:
            self._ended = True
        elif self._field is not None:
            field, value = (
                self._field.decode(errors="replace"),
                self._value.decode(errors="replace"),
            )
            self._fields.append((field, value))

    def on_end(self) -> None:
        """The form is complete."""
        self._ended = True


def _callbacks(upload: Upload) -> Any:
    names = (
        "on_part_begin", "on_header_field", "on_header_value", "on_header_end", "on_part_data",
        "on_part_end", "on_end",
    )  # fmt: skip
    return {name: getattr(upload, name) for name in names}
