"""What the page of imports knows of files before any service has read them."""

import re
import struct
import zlib
from typing import Final

HEAD_BYTES: Final = 65_536
"""What of a file is enough to know its kind."""

_ROOT: Final = re.compile(rb"<\s*([A-Za-z_][\w.-]*)")
_NOMENCLATURE: Final = b"BEE_NOMENCLATURES"
_ENTRY: Final = struct.Struct("<4sHHHHHIIIHH")
_UNFOLDED: Final = 4_096
_DEFLATED: Final = 8


def is_nomenclature(head: bytes) -> bool:
    """Whether a file that begins so is a Nomenclature of SIECLE, as XML or as the zip that SIECLE
    gives: it goes to `inspector_access`, and not into the pupil base.
    """
    xml = _first_entry(head) if head.startswith(b"PK\x03\x04") else head[:_UNFOLDED]
    found = _ROOT.search(xml.replace(b"\x00", b""))  # UTF-16
    return found is not None and found[1] == _NOMENCLATURE


def _first_entry(head: bytes) -> bytes:
    """How the first file of a zip begins; nothing if it cannot be told."""
    if len(head) < _ENTRY.size:
        return b""
    fields = _ENTRY.unpack_from(head)
    method, name, extra = fields[3], fields[9], fields[10]
    packed = head[_ENTRY.size + name + extra :]
    if method != _DEFLATED:
        return packed[:_UNFOLDED] if method == 0 else b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _UNFOLDED)
    except zlib.error:
        return b""
