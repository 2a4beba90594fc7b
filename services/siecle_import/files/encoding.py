"""From the bytes of an XML file to UTF-8, strictly.

The parser is always fed UTF-8: which encodings are read is decided here, in one list, and not by
what happens to be installed. Nothing is replaced in silence: bytes that are not valid in the
encoding of the file refuse it, because a name read wrongly would match nobody.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.siecle_import.files.findings import refused
from services.siecle_import.files.kinds import UTF_32, text_of

_CODECS = {
    "iso-8859-15": "iso8859-15",
    "iso8859-15": "iso8859-15",
    "iso_8859-15": "iso8859-15",
    "latin-9": "iso8859-15",
    "latin9": "iso8859-15",
    "iso-8859-1": "iso8859-1",
    "iso8859-1": "iso8859-1",
    "iso_8859-1": "iso8859-1",
    "latin1": "iso8859-1",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""Names that an XML declaration may give, with Python's codec."""

# Every sequence of bytes, or nearly, is valid in these: that they decode proves nothing.
_EIGHT_BITS = ("iso8859-15", "iso8859-1", "cp1252")

_DECLARED = re.compile(
    r"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""", re.ASCII
)
_HEAD_CHARACTERS = 500

_BLOCK_BYTES = 512

Chunks = Callable[[], Iterable[bytes]]
"""Reads the file from its beginning, each time it is called."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is written: Python's codec, and the name the file gives itself if it is wrong."""

    codec: str
    wrongly_declared: str | None = None


def encoding_of(head: bytes, chunks: Chunks) -> Encoding:
    """How the file whose first bytes are `head` is written.

    Raises:
        FileRefusedError: unknown encoding, or one that the first bytes cannot be in.
    """
    if head.startswith(UTF_32):
        raise refused("encoding_unknown", "UTF-32")
    found = _DECLARED.match(text_of(head)[:_HEAD_CHARACTERS])
    label = found[1] if found else "utf-8"
    declared = _CODECS.get(label.lower())
    if declared is None:
        raise refused("encoding_unknown", label)
    marked = _marked(head)
    if marked is not None:
        agrees = found is None or declared in (marked, marked[: len("utf-16")])
        return Encoding(marked, None if agrees else label)
    return _unmarked(label, declared, head, chunks)


def _marked(head: bytes) -> str | None:
    """The encoding that a byte order mark tells."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    return "utf-16-be" if head.startswith(codecs.BOM_UTF16_BE) else None


def _unmarked(label: str, declared: str, head: bytes, chunks: Chunks) -> Encoding:
    """The encoding of a file without byte order mark: the declared one, if it can be."""
    order = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(head[:2])
    if declared.startswith("utf-16") != (order is not None):
        raise refused("encoding_invalid_bytes", label)
    if order is not None:
        return Encoding(order)
    if declared in _EIGHT_BITS and _is_utf8(chunks()):
        return Encoding("utf-8", label)
    return Encoding(declared)


def _is_utf8(chunks: Iterable[bytes]) -> bool:
    """Whether bytes over 127 are there and are all UTF-8.

    A French text in Latin-9 stops this at its first accented letter: an « É » alone is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen = False
    try:
        for chunk in chunks:
            seen = seen or not chunk.isascii()
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return seen


def utf8_chunks(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The file as UTF-8 without byte order mark, piece by piece.

    Raises:
        FileRefusedError: bytes that are not valid in the encoding, or a NUL character.
    """
    if encoding.codec in _EIGHT_BITS:
        yield from (_of_8_bits(chunk, encoding) for chunk in chunks)
        return
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    first = True
    for chunk in chunks:
        with _refusals(encoding):
            text = decoder.decode(chunk)
        if first and text:
            text = text.removeprefix("\ufeff")
            first = False
        yield _without_nul(text.encode())
    with _refusals(encoding):
        decoder.decode(b"", final=True)


def _of_8_bits(chunk: bytes, encoding: Encoding) -> bytes:
    """A piece as UTF-8. Nearly all is ASCII: only the blocks that are not go through the codec."""
    blocks = [chunk[at : at + _BLOCK_BYTES] for at in range(0, len(chunk), _BLOCK_BYTES)]
    with _refusals(encoding):
        utf8 = [one if one.isascii() else one.decode(encoding.codec).encode() for one in blocks]
    return _without_nul(b"".join(utf8))


@contextmanager
def _refusals(encoding: Encoding) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise refused("encoding_invalid_bytes", encoding.codec.upper()) from None


def _without_nul(utf8: bytes) -> bytes:
    if b"\0" in utf8:
        raise refused("nul_character")
    return utf8
