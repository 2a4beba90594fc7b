"""An image is kept as it was seen, and nothing but what is seen of it is kept."""

import re
import time
import zlib
from struct import pack

import pytest
from PIL import Image, ImageCms, ImageDraw

from services.etablissement.domain.image_files import header_of
from services.etablissement.domain.images import (
    MAX_BYTES,
    Format,
    Refusal,
    RefusedImageError,
    check_told,
)
from services.etablissement.imaging.rendering import render
from tests.support.pictures import (
    BLUE,
    RED,
    animated,
    bomb,
    chunk,
    drawn,
    encoded,
    opened,
    photo,
    picture,
)


def refusal_of(content: bytes) -> Refusal:
    with pytest.raises(RefusedImageError) as refused:
        render(content)
    return refused.value.refusal


def is_near(image: Image.Image, place: tuple[int, int], colour: tuple[int, ...]) -> bool:
    found = image.convert("RGB").getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(a - b) < 12 for a, b in zip(found, colour, strict=True))


CORNERS = {
    1: (4, 4), 2: (55, 4), 3: (55, 35), 4: (4, 35),
    5: (4, 4), 6: (35, 4), 7: (35, 55), 8: (4, 55),
}  # fmt: skip
"""Where the blue square is seen, by orientation."""


@pytest.mark.parametrize("orientation", CORNERS)
def test_a_photo_is_kept_upright_and_says_nothing_of_who_took_it(orientation: int) -> None:
    made = render(photo(orientation))
    image = opened(made.png)
    assert image.size == (made.width, made.height) == ((60, 40) if orientation < 5 else (40, 60))
    assert is_near(image, CORNERS[orientation], BLUE)
    assert not image.info
    assert b"secr" not in made.png + made.thumbnail
    names = re.findall(rb"IHDR|PLTE|tRNS|IDAT|IEND|eXIf|iCCP|tEXt|zTXt|iTXt|pHYs|tIME", made.png)
    assert set(names) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (picture("PNG", "RGB"), "RGB"),
        (picture("PNG", "L"), "L"),
        (picture("PNG", "1"), "1"),
        (picture("PNG", "P"), "P"),
        (picture("PNG", "P", transparency=3), "P"),
        (picture("PNG", "LA"), "RGB"),
        (picture("PNG", "RGBA"), "RGBA"),
        (picture("PNG", "RGB", transparency=RED), "RGBA"),
        (picture("PNG", "1", transparency=0), "RGBA"),
        (encoded(Image.new("I;16", (60, 40), 40_000)), "L"),
        (encoded(Image.new("I;16", (60, 40), 40_000), transparency=40_000), "RGBA"),
        (picture("JPEG", "CMYK"), "RGB"),
        (picture("JPEG", "L"), "L"),
        (picture("JPEG", progressive=True), "RGB"),
        (picture("WEBP", "RGBA", lossless=True), "RGBA"),
        (picture("WEBP", "RGBA"), "RGBA"),
        (picture("WEBP"), "RGB"),
    ],
)
def test_every_kind_of_colours_is_kept_as_it_is_seen(content: bytes, mode: str) -> None:
    before, after = opened(content), opened(render(content).png)
    assert (after.mode, after.size) == (mode, (60, 40))
    if before.mode == "I;16":
        before = Image.new("L", (60, 40), 40_000 >> 8)
    else:
        assert after.has_transparency_data == (mode == "RGBA" or "transparency" in before.info)
        assert after.convert("RGBA").getchannel("A").tobytes() == (
            before.convert("RGBA").getchannel("A").tobytes()
        )
    for place in ((4, 4), (50, 35)):
        colour = before.convert("RGB").getpixel(place)
        assert isinstance(colour, tuple)
        assert is_near(after, place, colour)


def test_16_bits_a_colour_become_8() -> None:
    row = b"\0" + pack(">3H", 0xC8FF, 0x1400, 0x14FF) * 60
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", 60, 40, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row * 40))
        + chunk(b"IEND", b"")
    )
    assert is_near(opened(render(content).png), (1, 1), RED)


def test_transparency_does_not_darken_the_edges_of_a_reduced_logo() -> None:
    logo = Image.new("RGBA", (2400, 1200), (0, 0, 0, 0))
    ImageDraw.Draw(logo).rectangle((601, 301, 1800, 900), fill=(*RED, 255))
    made = opened(render(encoded(logo)).png)
    assert made.size == (1200, 600)
    row = [made.getpixel((x, 300)) for x in range(1200)]
    seen = [pixel for pixel in row if isinstance(pixel, tuple) and pixel[3] > 40]
    assert min(pixel[3] for pixel in seen) < 255, "the edge is soft"
    assert all(pixel[0] > 180 for pixel in seen)


def test_a_profile_is_applied_and_dropped_and_a_wrong_one_passed_over() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for one in (profile, lab, b"no profile", b"\0" * 200):
        for kind, mode in (("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")):
            image = opened(render(picture(kind, mode, icc_profile=one)).png)
            assert "icc_profile" not in image.info
            assert mode == "L" or is_near(image, (50, 5), RED)
    swapped = profile.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ").replace(b"xXYZ", b"bXYZ")
    image = opened(render(picture("PNG", icc_profile=swapped)).png)
    assert is_near(image, (50, 5), (20, 20, 200)), "red and blue as the profile says"


def test_a_large_image_is_bounded_and_a_small_one_stays() -> None:
    for size, kept, small in (
        ((3000, 1000), (1200, 400), (240, 80)),
        ((100, 2400), (50, 1200), (10, 240)),
        ((1, 3000), (1, 1200), (1, 240)),
        ((3, 2), (3, 2), (3, 2)),
    ):
        for kind in ("PNG", "JPEG", "WEBP"):
            made = render(encoded(drawn(size=size), kind))
            assert (opened(made.png).size, opened(made.thumbnail).size) == (kept, small)


def test_the_same_file_gives_the_same_bytes() -> None:
    assert render(photo()) == render(photo())


def test_telephones_may_put_a_second_picture_behind_the_first() -> None:
    assert render(photo() + picture("JPEG")).width == 60
    assert render(picture("JPEG") + b"\0" * 9).width == 60
    assert refusal_of(photo() + picture("PNG")) is Refusal.TRAILING
    assert refusal_of(photo() + picture("JPEG")[:-40]) is Refusal.TRUNCATED


def test_a_file_cut_anywhere_is_never_taken() -> None:
    for content in (picture("PNG"), picture("JPEG"), picture("WEBP"), picture("WEBP", "RGBA")):
        for length in range(len(content)):
            assert refusal_of(content[:length]) in (
                Refusal.EMPTY, Refusal.UNKNOWN, Refusal.TRUNCATED, Refusal.DAMAGED,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (animated("PNG"), Refusal.ANIMATED),
        (animated("WEBP"), Refusal.ANIMATED),
        (picture("GIF", "P"), Refusal.GIF),
        (picture("TIFF"), Refusal.UNKNOWN),
        (b"\xef\xbb\xbf<svg/>", Refusal.SVG),
        ("<svg/>".encode("utf-16"), Refusal.SVG),
        (b"\x1f\x8b\x08", Refusal.SVG),
        (bomb(6001, 1), Refusal.TOO_MANY_PIXELS),
        (bomb(0, 5), Refusal.DAMAGED),
        (bomb(2**31 - 1, 2**31 - 1), Refusal.TOO_MANY_PIXELS),
        (picture("PNG").replace(b"IHDR", b"IHDX"), Refusal.DAMAGED),
        (picture("JPEG")[:2] + b"\xff\xd9", Refusal.DAMAGED),
        (b"RIFF\x1a\0\0\0WEBPVP9 " + b"\0" * 18, Refusal.DAMAGED),
        (encoded(drawn(size=(6000, 2100)), "JPEG", progressive=True), Refusal.TOO_MANY_PIXELS),
        (encoded(drawn(size=(2800, 2800)), "WEBP", method=0), Refusal.TOO_MANY_PIXELS),
    ],
)
def test_what_is_no_whole_still_image_of_bounded_size_is_refused(
    content: bytes, refusal: Refusal
) -> None:
    assert refusal_of(content) is refusal


def test_text_that_grows_when_it_is_read_is_refused() -> None:
    grows = chunk(b"zTXt", b"k\0\0" + zlib.compress(b" " * 50_000_000))
    png = picture("PNG")
    assert refusal_of(png[:33] + grows + png[33:]) is Refusal.DAMAGED


def test_dimensions_are_read_without_decoding() -> None:
    for mode, kind, options in (
        ("RGB", "PNG", {}), ("RGB", "JPEG", {}), ("RGB", "WEBP", {}), ("RGBA", "WEBP", {}),
        ("RGB", "WEBP", {"lossless": True}), ("L", "JPEG", {"progressive": True}),
    ):  # fmt: skip
        header = header_of(picture(kind, mode, **options))
        assert (header.format, header.width, header.height) == (Format(kind), 60, 40)
        assert header.whole == bool(options.get("progressive"))


def test_markers_that_never_end_are_read_in_time() -> None:
    for rest in (b"\xff", b"\xff\xfe\x00\x02", b"\xff\xe0\x00\x02\xff\x00"):
        content = b"\xff\xd8\xff\xe0\x00\x02" + rest * (MAX_BYTES // len(rest))
        begun = time.process_time()
        assert refusal_of(content) in (Refusal.TRUNCATED, Refusal.DAMAGED)
        assert time.process_time() - begun < 1


def test_a_told_type_must_be_that_of_the_content() -> None:
    for told in (None, "", "image/png", "IMAGE/PNG; x=y", "application/octet-stream"):
        check_told(told, Format.PNG)
    for told in ("image/jpeg", "text/html", "image/svg+xml", "png"):
        with pytest.raises(RefusedImageError) as refused:
            check_told(told, Format.PNG)
        assert refused.value.refusal is Refusal.DISGUISED
