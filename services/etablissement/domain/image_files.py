"""Reads how image files are built, without decoding them: format, dimensions, where they end.

Sources: PNG (ISO/IEC 15948), JPEG (ITU-T T.81, annex B), WebP (RFC 9649). A decoder reads what it
needs and passes over the rest; here the whole file is followed, so that nothing else hides in it.
"""

import re
from collections.abc import Callable
from struct import unpack_from
from typing import Final

from services.etablissement.domain.images import Format, Header, Refusal, RefusedImageError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PADDING = b"\0\r\n "
"""What transmission may add after an image."""

_OTHERS: Final = (
    (re.compile(rb"GIF8"), Refusal.GIF),
    (re.compile(rb"%PDF-"), Refusal.PDF),
    (re.compile(rb"....ftyp", re.DOTALL), Refusal.HEIC),
    (re.compile(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<", re.DOTALL), Refusal.SVG),
    (re.compile(rb"\x1f\x8b"), Refusal.SVG),  # .svgz
)
"""How formats begin that people take for images of use."""


def header_of(data: bytes) -> Header:
    """What the file says of itself, when it is one whole still image and nothing else.

    Raises:
        RefusedImageError
    """
    return _reader(data)(data)


def format_of(data: bytes) -> Format:
    """The format that the first bytes tell.

    Raises:
        RefusedImageError: none that is taken.
    """
    if data.startswith(_PNG):
        return Format.PNG
    if data.startswith(_JPEG):
        return Format.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    raise RefusedImageError(_other(data))


def _other(data: bytes) -> Refusal:
    if not data:
        return Refusal.EMPTY
    found = (refusal for start, refusal in _OTHERS if start.match(data[:1000]))
    return next(found, Refusal.UNKNOWN)


def _reader(data: bytes) -> Callable[[bytes], Header]:
    return {Format.PNG: _png, Format.JPEG: _jpeg, Format.WEBP: _webp}[format_of(data)]


def _check_end(data: bytes, end: int) -> None:
    """Refuse a file that is shorter or longer than the image in it."""
    if end > len(data):
        raise RefusedImageError(Refusal.TRUNCATED)
    if data[end:].strip(_PADDING):
        raise RefusedImageError(Refusal.TRAILING)


def _png(data: bytes) -> Header:
    if len(data) < len(_PNG) + 25:
        raise RefusedImageError(Refusal.TRUNCATED)
    length, name, width, height = unpack_from(">I4sII", data, len(_PNG))
    if (length, name) != (13, b"IHDR"):
        raise RefusedImageError(Refusal.DAMAGED)
    place = len(_PNG)
    while name != b"IEND":
        if place + 12 > len(data):
            raise RefusedImageError(Refusal.TRUNCATED)
        length, name = unpack_from(">I4s", data, place)
        if name == b"acTL":
            raise RefusedImageError(Refusal.ANIMATED)
        place += 12 + length
    _check_end(data, place)
    return Header(Format.PNG, width, height)


_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker that is neither a zero stuffed into the data of a scan nor a restart (T.81, B.1.1)."""

_ALONE = (0x01, 0xD8)
_MOST_MARKERS = 10_000
"""Real files have some dozens; without a bound, a file of markers only takes seconds to follow."""

_END, _SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BY_LINE = (0xC0, 0xC1)


def _jpeg(data: bytes) -> Header:
    header, end = _one_jpeg(data, 0)
    while data.startswith(_JPEG, end):  # telephones put a preview or a gain map after the image
        _, end = _one_jpeg(data, end)
    _check_end(data, end)
    return header


def _one_jpeg(data: bytes, start: int) -> tuple[Header, int]:
    """What the JPEG that begins at `start` says of itself, and where it ends."""
    frames: list[tuple[int, int, int]] = []
    place, scans, code = start + 2, 0, 0
    for _ in range(_MOST_MARKERS):
        if code == _END:
            break
        marker = _MARKER.search(data, place)
        if marker is None:
            raise RefusedImageError(Refusal.TRUNCATED)
        code, place = marker[1][0], marker.end()
        scans += code == _SCAN
        if code in _FRAMES:
            frames.append((code, *_dimensions(data, place)))
        if code != _END and code not in _ALONE:
            place += _length(data, place)
    if code != _END or len(frames) != 1:
        raise RefusedImageError(Refusal.DAMAGED)
    frame, height, width = frames[0]
    return Header(Format.JPEG, width, height, frame not in _BY_LINE or scans > 1), place


def _dimensions(data: bytes, place: int) -> tuple[int, int]:
    """Height and width in the frame header whose marker ends at `place` (T.81, B.2.2)."""
    if place + 7 > len(data):
        raise RefusedImageError(Refusal.TRUNCATED)
    height, width = unpack_from(">HH", data, place + 3)
    return height, width


def _length(data: bytes, place: int) -> int:
    """The length of the segment whose marker ends at `place`."""
    if place + 2 > len(data):
        raise RefusedImageError(Refusal.TRUNCATED)
    (length,) = unpack_from(">H", data, place)
    if length < 2:
        raise RefusedImageError(Refusal.DAMAGED)
    return int(length)


_ANIMATION = 0x02
"""The flag of an animation in VP8X (RFC 9649, 2.7)."""


def _webp(data: bytes) -> Header:
    if len(data) < 30:
        raise RefusedImageError(Refusal.TRUNCATED)
    (size,) = unpack_from("<I", data, 4)
    end = 8 + size + size % 2
    if end > len(data):
        raise RefusedImageError(Refusal.TRUNCATED)
    place = 12
    while place + 8 <= end:
        name, length = unpack_from("<4sI", data, place)
        if name in (b"ANIM", b"ANMF"):
            raise RefusedImageError(Refusal.ANIMATED)
        place += 8 + length + length % 2
    _check_end(data, max(place, end))
    return Header(Format.WEBP, *_webp_dimensions(data))


def _webp_dimensions(data: bytes) -> tuple[int, int]:
    """Width and height in the first chunk, which begins at byte 12."""
    match data[12:16]:
        case b"VP8X" if data[20] & _ANIMATION:
            raise RefusedImageError(Refusal.ANIMATED)
        case b"VP8X":
            side = (int.from_bytes(data[place : place + 3], "little") for place in (24, 27))
            return next(side) + 1, next(side) + 1
        case b"VP8L":
            (bits,) = unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise RefusedImageError(Refusal.DAMAGED)
