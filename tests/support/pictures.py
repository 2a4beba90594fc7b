"""Images of every kind, made for a test."""

import zlib
from io import BytesIO
from struct import pack
from typing import Any

from PIL import Image, ImageDraw

RED, BLUE = (200, 20, 20), (20, 20, 200)


def drawn(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A red image with a blue square in its upper left corner."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((0, 0, 15, 15), fill=BLUE)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    return image if image.mode == mode else image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The image as a file."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """The file of `drawn`."""
    return encoded(drawn(mode), kind, **options)


def animated(kind: str) -> bytes:
    """Two pictures, one after the other."""
    return encoded(
        drawn(), kind, save_all=True, append_images=[Image.new("RGB", (60, 40))], duration=100
    )


def photo(orientation: int = 1, **options: Any) -> bytes:
    """A JPEG as a telephone writes it: with a place, and how it was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Marque secrète"
    exif.get_ifd(0x8825)[1] = "N"
    return encoded(drawn(), "JPEG", exif=exif, comment=b"secret", quality=95, **options)


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG, with its check sum."""
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A small PNG of that many pixels, all of them white; beyond 6000 a side it only says so."""
    row = b"\0" + b"\xff" * ((min(width, 6000) + 7) // 8)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row * min(height, 6000), 9))
        + chunk(b"IEND", b"")
    )


def opened(content: bytes) -> Image.Image:
    """The image in a file, decoded."""
    image = Image.open(BytesIO(content))
    image.load()
    return image
