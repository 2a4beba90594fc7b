"""Which files may be attached to a record, and what they are called; without I/O."""

from collections.abc import Callable
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

MAX_BYTES = 5 * 1024 * 1024
PER_RECORD = 10
NAME_LENGTH = 120

_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ZIP = b"PK\x03\x04"


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


def _open_document(kind: str) -> Callable[[bytes], bool]:
    """Its first member is its media type, not compressed (OpenDocument 1.2, part 3, 3.3)."""
    member = f"mimetype{_OPEN_DOCUMENT}.{kind}".encode()
    return lambda data: data.startswith(_ZIP) and data[30:].startswith(member)


def _plain(data: bytes) -> bool:
    return b"\x00" not in data and not data.startswith((b"%PDF-", _ZIP))


TYPES: Final = {
    "application/pdf": (".pdf", _begins(b"%PDF-")),
    "image/png": (".png", _begins(b"\x89PNG\r\n\x1a\n")),
    "image/jpeg": (".jpg", _begins(b"\xff\xd8\xff")),
    "image/webp": (".webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP"),
    "text/plain": (".txt", _plain),
    f"{_OPEN_DOCUMENT}.text": (".odt", _open_document("text")),
    f"{_OPEN_DOCUMENT}.spreadsheet": (".ods", _open_document("spreadsheet")),
    f"{_OFFICE}.wordprocessingml.document": (".docx", _begins(_ZIP)),
    f"{_OFFICE}.spreadsheetml.sheet": (".xlsx", _begins(_ZIP)),
}
"""The media types that are taken: how such a file's name ends, and whether its content agrees."""


class UnknownTypeError(Exception):
    """Files of this media type are not taken."""


class OtherContentError(Exception):
    """The content is not of the media type that was told."""


def media_type(content_type: str | None) -> str:
    """The media type that a `Content-Type` tells.

    Raises:
        UnknownTypeError
    """
    told = (content_type or "").partition(";")[0].strip().lower()
    if told not in TYPES:
        raise UnknownTypeError
    return told


def check(told: str, data: bytes) -> None:
    """Refuse a content that is not of the media type `told`.

    Raises:
        OtherContentError
    """
    _, agrees = TYPES[told]
    if not agrees(data):
        raise OtherContentError


def file_name(content_disposition: str | None, told: str) -> str:
    """The name in a `Content-Disposition`, without its folders; a plain one if there is none."""
    given = "".join(c for c in _given_name(content_disposition or "") if c.isprintable())
    name = PurePosixPath(given.replace("\\", "/")).name
    ending, _ = TYPES[told]
    return _shortened(name) or f"document{ending}"


def _given_name(content_disposition: str) -> str:
    """The parameter `filename*` or else `filename` (RFC 6266, 4.3)."""
    header = Message()
    header["Content-Disposition"] = content_disposition
    try:
        parameters = header.get_params([], "Content-Disposition")
        names = [value for name, value in parameters if name.lower() == "filename"]
        names.sort(key=lambda value: isinstance(value, str))  # what was encoded is a tuple
        return collapse_rfc2231_value(names[0]) if names else ""
    except (LookupError, TypeError, ValueError):  # an encoding that is none
        return ""


def _shortened(name: str) -> str:
    """The name, cut in the middle if it is too long: how it ends says what opens it."""
    ending = PurePosixPath(name).suffix[:10]
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - len(ending)] + ending


def disposition(name: str) -> str:
    """The `Content-Disposition` of a download called `name` (RFC 6266): in full, and for old
    programs in ASCII without the signs that mean something there.
    """
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
