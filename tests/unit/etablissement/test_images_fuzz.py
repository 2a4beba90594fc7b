"""Whatever the bytes, they end as an image or as a refusal with its reason, within 200 MB and 2 s.

`FUZZ_EXAMPLES` sets how many files each of the tests tries (100 by default).
"""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from struct import pack, unpack_from
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.etablissement.api.refusals import REFUSED
from services.etablissement.domain.images import KEPT_SIDE, THUMBNAIL_SIDE, Refusal
from services.etablissement.imaging.child import CPU_SECONDS, MEMORY_BYTES
from tests.support.pictures import animated, chunk, drawn, encoded, photo, picture

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
    deadline=None,  # the limit is one of computing, and checked below
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Decode = Callable[[bytes], dict[str, Any]]


@pytest.fixture(scope="module")
def decode() -> Iterator[Decode]:
    """Gives a file to the process that decodes them all."""
    command = [sys.executable, "-m", "tests.unit.etablissement.fuzzed"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    files, answers = process.stdin, process.stdout

    def one(content: bytes) -> dict[str, Any]:
        files.write(len(content).to_bytes(4) + content)
        files.flush()
        line = answers.readline()
        assert line, f"the process ended with {process.wait()}"
        told: dict[str, Any] = json.loads(line)
        return told

    yield one
    files.close()
    assert process.wait(10) == 0


def check(told: dict[str, Any]) -> None:
    """What holds of any file."""
    assert told["seconds"] < CPU_SECONDS
    assert told["memory"] < MEMORY_BYTES
    if "refusal" in told:
        assert Refusal(told["refusal"]) in REFUSED
        return
    assert told["png"] == [told["width"], told["height"]]
    assert 1 <= max(told["png"]) <= KEPT_SIDE
    assert 1 <= max(told["thumbnail"]) <= THUMBNAIL_SIDE


FILES = {
    "png": picture("PNG"),
    "png-alpha": picture("PNG", "RGBA"),
    "png-palette": picture("PNG", "P", transparency=2),
    "png-bits": picture("PNG", "1"),
    "png-large": encoded(drawn("RGBA", (1500, 1300))),
    "png-animated": animated("PNG"),
    "jpeg": picture("JPEG"),
    "jpeg-photo": photo(orientation=5, progressive=True),
    "jpeg-cmyk": picture("JPEG", "CMYK", icc_profile=b"profile"),
    "jpeg-grey": picture("JPEG", "L", restart_marker_blocks=1),
    "jpeg-large": encoded(drawn(size=(2600, 1400)), "JPEG", subsampling=0),
    "webp": picture("WEBP"),
    "webp-alpha": picture("WEBP", "RGBA", exif=b"Exif\0\0MM\0*"),
    "webp-lossless": picture("WEBP", "RGBA", lossless=True),
    "webp-animated": animated("WEBP"),
}
NAMES = st.sampled_from(list(FILES))
SCRAPS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([
        b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xda\0\x0c", b"\xff\xc2\0\x11", b"\xff\xe1\xff\xff",
        b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\x17\x70", b"\x17\x70\x17\x70",
        b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"acTL", b"IEND", b"VP8 ", b"VP8L", b"VP8X", b"ALPH",
        b"ANMF", b"EXIF", b"ICCP", b"<svg", b"PK\x03\x04",
    ]),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real image with some pieces cut, repeated, replaced, or taken from another one."""
    content = FILES[draw(NAMES)]
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.one_of(st.integers(0, 64), st.integers(0, len(content))))
        end = min(len(content), start + draw(st.integers(0, 40)))
        other = FILES[draw(NAMES)]
        piece = draw(st.one_of(SCRAPS, st.just(content[start:end] * 2), st.just(other[start:])))
        over = draw(st.booleans())
        content = content[:start] + piece + content[start + len(piece) if over else end :]
    return content


def chunks_of(content: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each chunk of a PNG."""
    found, place = [], 8
    while place < len(content):
        length, name = unpack_from(">I4s", content, place)
        found.append((name, content[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


PNGS = {name: chunks_of(file) for name, file in FILES.items() if name.startswith("png")}
SIDES = st.one_of(st.integers(1, 300), st.sampled_from([0, 1200, 3000, 4000, 6000, 2**31 - 1]))


@st.composite
def rebuilt_png(draw: st.DrawFn) -> bytes:
    """A PNG whose check sums are right and whose chunks are not: other dimensions, depths, data."""
    chunks = list(PNGS[draw(st.sampled_from(list(PNGS)))])
    if draw(st.booleans()):
        header = pack(">II", draw(SIDES), draw(SIDES)) + bytes(
            (draw(st.sampled_from([1, 2, 4, 8, 16, 3])), draw(st.integers(0, 6)), 0, 0,
             draw(st.integers(0, 2)))
        )  # fmt: skip
        chunks[0] = (b"IHDR", header)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(chunks) - 1))
        name, data = chunks[place]
        flip = draw(st.integers(0, max(0, len(data) - 1)))
        scrap = draw(SCRAPS)
        data = draw(st.sampled_from([
            data[:flip] + scrap + data[flip + len(scrap) :], data[:flip], zlib.compress(scrap * 99),
        ]))  # fmt: skip
        name = draw(st.sampled_from([name, b"tRNS", b"PLTE", b"iCCP", b"eXIf", b"zTXt", b"IDAT"]))
        chunks.insert(place, (name, data)) if draw(st.booleans()) else chunks.__setitem__(
            place, (name, data)
        )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


@fuzzed
@given(content=mutated())
def test_a_damaged_image_ends_as_an_image_or_a_refusal(decode: Decode, content: bytes) -> None:
    check(decode(content))


@fuzzed
@given(content=rebuilt_png())
def test_a_png_with_right_check_sums_does_too(decode: Decode, content: bytes) -> None:
    check(decode(content))


def test_the_real_images_themselves_are_taken(decode: Decode) -> None:
    for name, content in FILES.items():
        told = decode(content)
        check(told)
        assert told.get("refusal") == ("animated" if name.endswith("animated") else None), name
