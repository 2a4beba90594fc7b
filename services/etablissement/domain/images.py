"""What the logo and the cachet of a school may be, and why a file is refused."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_BYTES = 5 * 1024 * 1024
MAX_SIDE = 6000
"""Pixels of width or height that a file may have."""

KEPT_SIDE = 1200
"""Pixels of width or height that are kept at the most: 10 cm of a printed page at 300 dpi."""

THUMBNAIL_SIDE = 240


class Kind(StrEnum):
    """The two images of a school (guide, « Insérer les logo et le cachet »)."""

    LOGO = "logo"
    CACHET = "cachet"


class Format(StrEnum):
    """The formats that are taken, as Pillow calls them."""

    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WEBP"


MEDIA_TYPES: Final = {
    "image/png": Format.PNG,
    "image/jpeg": Format.JPEG,
    "image/jpg": Format.JPEG,  # wrong, and usual
    "image/webp": Format.WEBP,
}
UNTOLD: Final = ("", "application/octet-stream")
"""Media types that say nothing of the content."""


class Refusal(StrEnum):
    """Why a file is refused."""

    EMPTY = "empty"
    TOO_BIG = "too-big"
    GIF = "gif"
    SVG = "svg"
    HEIC = "heic"
    PDF = "pdf"
    UNKNOWN = "unknown"
    DISGUISED = "disguised"
    ANIMATED = "animated"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_HEAVY = "too-heavy"


class RefusedImageError(Exception):
    """A file that is not taken as an image, with the reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. `whole` is a JPEG that can be decoded only as a whole, not line
    by line: a progressive one, or one of several scans.
    """

    format: Format
    width: int
    height: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it is kept: PNG without metadata, upright, and its thumbnail."""

    png: bytes
    width: int
    height: int
    thumbnail: bytes


_MAX_PIXELS: Final = {Format.PNG: 12_500_000, Format.JPEG: 24_000_000, Format.WEBP: 7_500_000}
_MAX_PIXELS_WHOLE = 12_500_000
"""So that what decoding takes stays below 200 MB. Measured, bytes a pixel: JPEG line by line 5, as
a whole 10, PNG with transparency 9, WebP 17. 2000 pixels square, as refusals advise, fit in all.
"""


def check_size(header: Header) -> None:
    """Refuse an image that would be too large to decode, before it is.

    Raises:
        RefusedImageError
    """
    if not header.width or not header.height:
        raise RefusedImageError(Refusal.DAMAGED)
    most = _MAX_PIXELS_WHOLE if header.whole else _MAX_PIXELS[header.format]
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > most:
        raise RefusedImageError(Refusal.TOO_MANY_PIXELS)


def check_told(content_type: str | None, found: Format) -> None:
    """Refuse a content of another format than its `Content-Type` tells; none at all is fine.

    Raises:
        RefusedImageError
    """
    told = (content_type or "").partition(";")[0].strip().lower()
    if told not in UNTOLD and MEDIA_TYPES.get(told) is not found:
        raise RefusedImageError(Refusal.DISGUISED)
