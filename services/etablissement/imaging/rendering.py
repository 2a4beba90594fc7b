"""Makes of an uploaded file the image that is kept: decoded, upright, sRGB, bounded, PNG.

Runs in the process that `decoder` starts: what it is given may be hostile.
"""

from contextlib import suppress
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from services.etablissement.domain.image_files import header_of
from services.etablissement.domain.images import (
    KEPT_SIDE,
    MAX_SIDE,
    THUMBNAIL_SIDE,
    Format,
    Header,
    Picture,
    Refusal,
    RefusedImageError,
    check_size,
)

Image.MAX_IMAGE_PIXELS = MAX_SIDE * MAX_SIDE  # the files' own dimensions are checked before

_ORIENTATION = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by the orientation in its EXIF data (EXIF 2.32, 4.6.4 A)."""

_SRGB = ImageCms.createProfile("sRGB")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I")

_COMPRESSION = 3
"""Of zlib: the usual 6 takes three times as long, up to a second, and gains nothing on photos."""


def render(data: bytes) -> Picture:
    """The image in a file.

    Raises:
        RefusedImageError
    """
    header = header_of(data)
    check_size(header)
    try:
        return _picture(_opened(data, header))
    except MemoryError:
        raise RefusedImageError(Refusal.TOO_HEAVY) from None
    except Exception:  # noqa: BLE001 - a damaged file ends Pillow in many ways
        raise RefusedImageError(Refusal.DAMAGED) from None


def _opened(data: bytes, header: Header) -> Image.Image:
    image = Image.open(BytesIO(data), formats=[header.format])
    if image.size != (header.width, header.height):
        raise RefusedImageError(Refusal.DAMAGED)
    if header.format is not Format.JPEG:  # which is reduced while it is decoded
        image.load()
        image.fp = None  # a WebP keeps its decoded bytes there
    return image


def _picture(image: Image.Image) -> Picture:
    turn = _TURNS.get(_orientation(image) or 0)
    profile = image.info.get("icc_profile")
    kept = _in_srgb(_bounded(image, KEPT_SIDE, as_it_is=not profile), profile)
    if turn is not None:
        kept = kept.transpose(turn)
    small = _opaque(_bounded(kept.copy(), THUMBNAIL_SIDE))
    return Picture(_png(_opaque(kept)), kept.width, kept.height, _png(small))


def _orientation(image: Image.Image) -> int | None:
    """How the image lies; unreadable metadata say nothing."""
    with suppress(Exception):
        value = image.getexif().get(_ORIENTATION)
        return value if isinstance(value, int) else None
    return None


def _bounded(image: Image.Image, side: int, *, as_it_is: bool = False) -> Image.Image:
    """The image in a mode that can be reduced, with no side above `side` pixels; one of few colours
    stays `as_it_is` if it is small enough.
    """
    few = image.mode == "P" or (image.mode == "1" and not image.has_transparency_data)
    if as_it_is and few and max(image.size) <= side:
        return image
    if image.mode not in ("RGB", "L", "CMYK") or image.has_transparency_data:
        image = _in_full(image)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _in_full(image: Image.Image) -> Image.Image:
    """The image in 8 bits a channel, without palette."""
    if image.mode in _GREY_16:
        transparent = image.info.pop("transparency", None)
        image = image.point(lambda value: value * (1 / 256)).convert("L")
        if transparent is not None:
            image.info["transparency"] = transparent >> 8
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")  # convert would copy it
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image in the colours of screens; a profile that is none is passed over."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            mode = "RGBA" if image.mode == "RGBA" else "RGB"
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            changed = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
            image = changed or image
    return image.convert("RGB") if image.mode == "CMYK" else image


def _opaque(image: Image.Image) -> Image.Image:
    """The image without a transparency that nothing in it has."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def _png(image: Image.Image) -> bytes:
    """The image as PNG, with nothing but what it shows."""
    transparency = image.info.get("transparency") if image.mode == "P" else None
    bare = image.copy()
    bare.info = {} if transparency is None else {"transparency": transparency}
    file = BytesIO()
    bare.save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()
