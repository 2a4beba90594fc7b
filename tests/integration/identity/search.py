"""Finds the learners of the story in any bytes, however a program may have written them.

Names hold letters without accents that no other word has (`MARKS`): those are looked for, so it
does not matter how the accents beside them were written, folded or escaped.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from tests.integration.identity.learners import EVERYONE, INE_STEM, MARKS, YEAR, birth_dates

AROUND: Final = 48
"""Bytes on each side of a year in which the rest of its date is looked for."""
MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
)  # fmt: skip


def _in_base64(data: bytes) -> Iterator[bytes]:
    """The part of a base64 text that is the same whatever stands around `data`."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data)
        yield text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]


def _spellings(mark: str) -> tuple[set[bytes], set[bytes]]:
    """How a mark may stand in lower-cased bytes, and in bytes whose case counts."""
    small = mark.lower()
    wide = small.encode("utf-16-le")[:-1]  # what both byte orders have in common
    any_case = {small.encode(), wide, small.encode("utf-32-le")[:-3]}
    this_case: set[bytes] = set()
    for written in {small, mark.upper()}:
        for data in (written.encode(), written.encode("utf-16-le")[:-1]):
            any_case.add(data.hex().encode())
            this_case.update(_in_base64(data))
    return any_case, this_case


_MARKS: Final = {mark: _spellings(mark) for mark in MARKS}
_INE_ELSEWHERE: Final = _spellings(INE_STEM)
_INE: Final = re.compile(rb"%s\d{3}[a-k]{2}" % INE_STEM.encode())
_YEARS: Final = {
    "as it is": re.compile(b"%d" % YEAR),
    "utf-16": re.compile(str(YEAR).encode("utf-16-le")[:-1]),
    "hex": re.compile(str(YEAR).encode().hex().encode()),
}
_DATE: Final = re.compile(r"\d{4}([-/.])\d\d\1\d\d|\d\d([-/.])\d\d\2\d{4}|\d?\d [^\d ]+ \d{4}")
_CLOSE: Final = re.compile(r"(?<![0-9a-z])\d{8}(?![0-9a-z]|-[0-9a-f]{4}-)")  # and no piece of an id
_DATES: Final = {
    written
    for day in birth_dates()
    for written in (
        *(f"{day:%Y{sign}%m{sign}%d}" for sign in ("-", "/", ".", "")),
        *(f"{day:%d{sign}%m{sign}%Y}" for sign in ("-", "/", ".", "")),
        f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    )
}  # fmt: skip


def _cut(data: bytes) -> str:
    """The first 16 bytes of a digest."""
    return data.hex()[:32]


_DIGESTS: Final = {
    _cut(digest)
    for one in EVERYONE
    if one.has_ine
    for digest in (
        *(hashlib.new(name, one.ine.encode()).digest() for name in ("md5", "sha1", "sha256")),
        *(hashlib.blake2b(one.ine.encode(), digest_size=size).digest() for size in (16, 20, 32)),
        hashlib.sha512(one.ine.encode()).digest(),
    )
}  # fmt: skip
_HEX: Final = re.compile(rb"[0-9a-f]{32,}")


def found_in(content: bytes) -> set[str]:
    """What of the learners' identities stands in `content`: marks of names, « INE », dates."""
    packed = re.sub(rb"\0{64,}", b"\0" * 8, content)  # files that were made long and left empty
    lower = packed.lower()
    found = {mark for mark, spellings in _MARKS.items() if _stands(spellings, lower, packed)}
    any_case, this_case = _INE_ELSEWHERE
    elsewhere = any_case - {INE_STEM.encode()}
    if _INE.search(lower) or _stands((elsewhere, this_case), lower, packed):
        found.add("INE")
    if any(one[:32].decode() in _DIGESTS for one in _HEX.findall(lower)):
        found.add("digest of an INE")
    return found | set(_dates_in(lower))


def _stands(spellings: tuple[set[bytes], set[bytes]], lower: bytes, packed: bytes) -> bool:
    any_case, this_case = spellings
    return any(one in lower for one in any_case) or any(one in packed for one in this_case)


def _dates_in(lower: bytes) -> Iterator[str]:
    for how, year in _YEARS.items():
        for match in year.finditer(lower):
            around = lower[max(0, match.start() - 2 * AROUND) : match.end() + 2 * AROUND]
            for text in _read(around, how):
                for pattern in (_DATE, _CLOSE):
                    yield from (one[0] for one in pattern.finditer(text) if one[0] in _DATES)


def _read(around: bytes, how: str) -> Iterator[str]:
    """The text around a year."""
    if how == "utf-16":
        around = around.replace(b"\0", b"")
    elif how == "hex":
        for begin in (0, 1):
            digits = re.sub(rb"[^0-9a-f]", b"0", around[begin:])
            yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode()).decode("latin-1").lower()
        return
    for encoding in ("utf-8", "iso-8859-15"):
        yield unquote_to_bytes(around).decode(encoding, errors="replace").lower()
