"""Reads a Nomenclature of SIECLE, as XML or as the zip that SIECLE gives.

Only MEF codes and their labels are taken. A document type is refused before anything of it is read,
so that no entity is ever expanded.
"""

import io
import zipfile
import zlib
from xml.parsers import expat

from services.inspector_access.domain.errors import UnreadableFileError
from services.inspector_access.domain.nomenclature import Course, is_mef

ROOT = "BEE_NOMENCLATURES"
MAX_BYTES = 5 * 1024 * 1024
"""Of the file as it is sent."""
MAX_XML_BYTES = 20 * 1024 * 1024
MAX_COURSES = 20_000
_LABEL_LENGTH = 200
_MAX_DEPTH = 30
_PATH = [ROOT, "DONNEES", "MEFS", "MEF"]
_LABELS = ("LIBELLE_EDITION", "LIBELLE_LONG", "FORMATION")
"""What a course may be called by, the best first."""


def _wrong_file() -> UnreadableFileError:
    return UnreadableFileError(
        "Ce fichier n'est pas une Nomenclature de SIECLE : dans SIECLE, Exports XML génériques, "
        "choisissez « Nomenclatures » et déposez le fichier tel quel."
    )


def read(content: bytes) -> list[Course]:
    """The courses of a file, each once.

    Raises:
        UnreadableFileError: another file, a document type, not well-formed, or out of all bounds.
    """
    reader = _Reader()
    try:
        reader.read(_unzipped(content))
    except (expat.ExpatError, LookupError, UnicodeError, ValueError):
        raise _wrong_file() from None
    if not reader.courses:
        raise _wrong_file()
    return list(reader.courses.values())


def _unzipped(content: bytes) -> bytes:
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [i for i in archive.infolist() if _is_document(i.filename)]
            if len(inside) != 1:
                raise _wrong_file()
            with archive.open(inside[0]) as document:
                data = document.read(MAX_XML_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError):
        raise _wrong_file() from None
    if len(data) > MAX_XML_BYTES:
        raise _wrong_file()
    return data


def _is_document(name: str) -> bool:
    return name.lower().endswith(".xml") and not name.startswith("__MACOSX/")


class _Reader:
    """Follows the elements as expat tells of them."""

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        self._path: list[str] = []
        self._mef = ""
        self._texts: dict[str, str] = {}
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def read(self, xml: bytes) -> None:
        """Read a whole document."""
        self._parser.Parse(xml, True)  # noqa: FBT003 - expat's own signature

    def _refuse(self, *_: object) -> None:
        raise _wrong_file()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if self._path[0] != ROOT or len(self._path) > _MAX_DEPTH:
            raise _wrong_file()
        if self._path == _PATH:
            self._mef, self._texts = attributes.get("CODE_MEF", "").strip().upper(), {}

    def _text(self, text: str) -> None:
        if self._path[:-1] == _PATH and self._path[-1] in _LABELS:
            known = self._texts.get(self._path[-1], "")
            self._texts[self._path[-1]] = (known + text)[:_LABEL_LENGTH]

    def _end(self, name: str) -> None:  # noqa: ARG002 - expat's own signature
        if self._path == _PATH and is_mef(self._mef):
            labels = (" ".join(self._texts.get(tag, "").split()) for tag in _LABELS)
            label = next((one for one in labels if one and one.isprintable()), self._mef)
            self.courses[self._mef] = Course(self._mef, label)
            if len(self.courses) > MAX_COURSES:
                raise _wrong_file()
        self._path.pop()
