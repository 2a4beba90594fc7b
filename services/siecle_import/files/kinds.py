"""Which kind of file was dropped: told by its first bytes and its root element, not by its name."""

from contextlib import suppress
from typing import Literal
from xml.parsers import expat

Kind = Literal["eleves", "nomenclature", "structures", "responsables", "sts", "csv", "unknown"]

PUPIL_ROOT = "BEE_ELEVES"

ROOTS: dict[str, tuple[Kind, str]] = {
    PUPIL_ROOT: ("eleves", "Élèves"),
    "BEE_NOMENCLATURES": ("nomenclature", "Nomenclature"),
    "BEE_STRUCTURES": ("structures", "Structures"),
    "BEE_RESPONSABLES": ("responsables", "Responsables"),
    "BEE_COMMUN": ("unknown", "Commun"),
    "STS_EDT": ("sts", "STS (emploi du temps)"),
}
"""Root element of each export of SIECLE and STS, with its kind and the name staff know it by."""

UNKNOWN_FORMAT = "format non reconnu"

ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_OTHER_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "office"),
    (b"%PDF", "PDF"),
    (b"Rar!", "archive RAR"),
    (b"7z\xbc\xaf", "archive 7-Zip"),
    (b"\x1f\x8b", "archive gzip"),
    (b"\x89PNG", "image PNG"),
    (b"\xff\xd8\xff", "image JPEG"),
)

UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")
"""How a file in UTF-32 begins, which no export is written in."""

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def text_of(head: bytes) -> str:
    """The first bytes of a file as text, by its byte order mark or the NUL of UTF-16.

    Good enough to look at markup and separators, whatever the 8-bit encoding.
    """
    for mark, codec in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(codec, "replace")
    if head[:2] == b"<\0":
        return head.decode("utf-16-le", "replace")
    if head[:2] == b"\0<":
        return head.decode("utf-16-be", "replace")
    return head.decode("latin-1")


def looks_like_xml(head: bytes) -> bool:
    """Whether the first thing in the file is markup, in an encoding that is read or not."""
    return head.startswith(UTF_32) or text_of(head).lstrip().startswith("<")


def other_format(head: bytes) -> str:
    """The name of a format that is neither XML nor zip: « csv », « office », « PDF »."""
    for signature, name in _OTHER_FORMATS:
        if head.startswith(signature):
            return name
    text = text_of(head)
    first_line = text.lstrip().partition("\n")[0]
    is_table = any(separator in first_line for separator in ";,\t")
    return "csv" if is_table and "\0" not in text else UNKNOWN_FORMAT


class DoctypeError(Exception):
    """The file has a DOCTYPE."""


class _RootFoundError(Exception):
    """Ends the parsing: the root element is all that is wanted."""


def root_element(utf8: bytes) -> str | None:
    """The root element that the beginning of a file holds; None when it is not reached yet.

    A root in a namespace is given as `{namespace}name`. expat does this, because it tells of a
    DOCTYPE at its first word, before any entity is read.

    Raises:
        DoctypeError: a DOCTYPE, wherever the prolog has it.
        expat.ExpatError: the prolog is not well-formed.
    """
    parser = expat.ParserCreate("utf-8")
    found: list[str] = []

    def stop(name: str, attributes: dict[str, str]) -> None:
        namespace = attributes.get("xmlns")
        found.append(f"{{{namespace}}}{name}" if namespace else name)
        raise _RootFoundError

    def refuse(*_declaration: object) -> None:
        raise DoctypeError

    parser.StartElementHandler = stop
    parser.StartDoctypeDeclHandler = refuse
    with suppress(_RootFoundError):
        parser.Parse(utf8)
    return found[0] if found else None


def root_of(head: bytes) -> str | None:
    """The root element, if the first bytes hold it and nothing unreadable stands before it.

    The encoding is not looked for: the names that matter are ASCII.
    """
    with suppress(DoctypeError, expat.ExpatError):
        return root_element(text_of(head).encode())
    return None
