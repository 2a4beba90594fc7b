"""From UTF-8 XML to the text of each pupil, in one pass and with bounded memory.

expat reads, with a handler for each start and end of an element. lxml's iterparse is faster by a
quarter to a half, but keeps every distinct name it meets for the life of the thread and lets a
DOCTYPE be read before one can refuse it; here a DOCTYPE is refused at its first word, nothing is
ever fetched, and every limit is in this file.

Only what is needed is kept (data minimisation): `_TREE` is the list. Namespaces are not looked
into: SIECLE has none, so a prefixed name is another name, and a root in a namespace is refused.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from services.siecle_import.archive import WrongKindError
from services.siecle_import.findings import FileRefusedError, refused
from services.siecle_import.kinds import PUPIL_ROOT, ROOTS

MAX_VALUE = 200
"""Characters of a value; a longer one is cut to `MAX_VALUE + 1`, which tells that it is too long."""

MAX_PUPILS = 50_000
_MAX_DEPTH = 50
_MAX_MARKUP_BYTES = 256 * 1024
_MAX_NAMES = 2_000
_MAX_DIVISIONS = 2
_MAX_TEXT = 4096

_Scope = dict[str, Any]
_TEXT: Final[_Scope] = {}
_ROW_TAGS = (
    "INE_RNIE",
    "INE_BEA",
    "ID_NATIONAL",
    "NOM_DE_FAMILLE",
    "NOM",
    "NOM_USAGE",
    "PRENOM",
    "DATE_NAISS",
    "CODE_SEXE",
    "DATE_ENTREE",
    "DATE_SORTIE",
    "CODE_MOTIF_SORTIE",
    "CODE_STATUT",
    "CODE_MEF",
    "CODE_RNE",
)
"""The fields of a `PupilRow`, in its order; the last one stands in SCOLARITE_AN_DERNIER."""

_STRUCTURE = {"CODE_STRUCTURE": _TEXT, "TYPE_STRUCTURE": _TEXT}
_PUPIL = dict.fromkeys(_ROW_TAGS[:-1], _TEXT) | {"SCOLARITE_AN_DERNIER": {"CODE_RNE": _TEXT}}
_TREE: Final[_Scope] = {
    PUPIL_ROOT: {
        "PARAMETRES": {"UAJ": _TEXT, "ANNEE_SCOLAIRE": _TEXT, "HORODATAGE": _TEXT},
        "DONNEES": {
            "ELEVES": {"ELEVE": _PUPIL},
            "STRUCTURES": {"STRUCTURES_ELEVE": {"STRUCTURE": _STRUCTURE}},
        },
    }
}

# Where a file may stop being one without being wrong before.
_TRUNCATED = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
}


@dataclass(frozen=True, slots=True)
class PupilRow:
    """The text of an ELEVE: ends trimmed, None for a tag that is absent or empty.

    `line` is the line of the XML where the ELEVE begins.
    """

    line: int
    eleve_id: str | None
    ine_rnie: str | None
    ine_bea: str | None
    id_national: str | None
    family_name: str | None
    older_name: str | None
    usage_name: str | None
    first_name: str | None
    birth_date: str | None
    sex: str | None
    entry_date: str | None
    exit_date: str | None
    exit_reason: str | None
    status: str | None
    mef: str | None
    previous_uai: str | None


@dataclass(slots=True)
class FileText:
    """The text of a pupil file, filled while it is read; what was reached before a refusal stays.

    `parameters` holds UAJ, ANNEE_SCOLAIRE and HORODATAGE; `divisions`, by ELEVE_ID, the codes of
    the first divisions of a pupil, at most two.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    pupils: deque[PupilRow] = field(default_factory=deque)
    divisions: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_into(text: FileText, chunks: Iterable[bytes]) -> None:
    """Fill `text` from the pieces of a UTF-8 file, each of some tens of kilobytes.

    Raises:
        FileRefusedError: not well-formed, truncated, a DOCTYPE, another root, or out of all bounds.
    """
    reader = _Reader(text)
    try:
        for chunk in chunks:
            reader.feed(chunk)
        reader.close()
    except expat.ExpatError as error:
        code = "xml_truncated" if error.code in _TRUNCATED else "xml_malformed"
        raise refused(code, str(error.lineno)) from None


class _Reader:
    """The handlers of expat, and where in the tree they are.

    `_scope` holds the names that are wanted in the open element; inside an element that is not
    wanted, `_skipped` counts the open elements and nothing else happens.
    """

    def __init__(self, text: FileText) -> None:
        self._text = text
        self._scope = _TREE
        self._path: list[_Scope] = []
        self._skipped = 0
        self._values: dict[str, str] = {}
        self._eleve_id: str | None = None
        self._line = 0
        self._pieces: list[str] = []
        self._keep_piece = self._pieces.append
        self._names: dict[str, str] = {}
        self._fed = 0
        self._parser = expat.ParserCreate("utf-8", None, self._names)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.StartElementHandler = self._start_root
        self._parser.EndElementHandler = self._end

    def feed(self, chunk: bytes) -> None:
        parser = self._parser
        parser.Parse(chunk)
        self._fed += len(chunk)
        # expat keeps an unfinished markup whole and looks at it again with each piece.
        if self._fed - parser.CurrentByteIndex > _MAX_MARKUP_BYTES:
            raise refused("xml_abnormal", "une balise ou un commentaire n'en finit pas")
        if len(self._names) > _MAX_NAMES:
            raise refused("xml_abnormal", "trop de noms de balises")
        if self._pieces:
            self._pieces[:] = ["".join(self._pieces).lstrip()[:_MAX_TEXT]]

    def close(self) -> None:
        self._parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by position

    def _start_root(self, name: str, attributes: dict[str, str]) -> None:
        namespace = attributes.get("xmlns")
        if name != PUPIL_ROOT or namespace:
            raise _wrong_root(f"{{{namespace}}}{name}" if namespace else name)
        self._parser.StartElementHandler = self._start
        self._start(name, attributes)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped:
            self._skipped += 1
            if self._skipped > _MAX_DEPTH:
                raise refused("xml_abnormal", "des balises emboîtées sans fin")
            return
        inner = self._scope.get(name)
        if inner is None:
            self._skipped = 1
            return
        self._path.append(self._scope)
        self._scope = inner
        if inner is _TEXT:
            self._pieces.clear()
            self._parser.CharacterDataHandler = self._keep_piece
        else:
            self._begin(name, attributes)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "ELEVE":
            self._eleve_id = _eleve_id(attributes)
            self._line = self._parser.CurrentLineNumber
            self._values = {}
        elif name == "STRUCTURES_ELEVE":
            self._eleve_id = _eleve_id(attributes)
        elif name == "STRUCTURE":
            self._values = {}
        elif name == "PARAMETRES":
            self._values = self._text.parameters

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        if self._scope is _TEXT:
            self._end_text(name)
        elif name == "ELEVE":
            self._end_pupil()
        elif name == "STRUCTURE":
            self._end_structure()
        self._scope = self._path.pop()

    def _end_text(self, name: str) -> None:
        self._parser.CharacterDataHandler = None
        value = "".join(self._pieces).strip()
        if value and name not in self._values:
            self._values[name] = value[: MAX_VALUE + 1]

    def _end_pupil(self) -> None:
        pupils = self._text.pupils
        pupils.append(PupilRow(self._line, self._eleve_id, *map(self._values.get, _ROW_TAGS)))
        if len(pupils) > MAX_PUPILS:
            raise refused("xml_abnormal", f"plus de {MAX_PUPILS} élèves")

    def _end_structure(self) -> None:
        code = self._values.get("CODE_STRUCTURE")
        if not (code and self._eleve_id and self._values.get("TYPE_STRUCTURE") == "D"):
            return
        divisions = self._text.divisions
        known = divisions.get(self._eleve_id, ())
        if code not in known and len(known) < _MAX_DIVISIONS:
            divisions[self._eleve_id] = (*known, code)
        if len(divisions) > MAX_PUPILS:
            raise refused("xml_abnormal", f"plus de {MAX_PUPILS} élèves")


def _eleve_id(attributes: dict[str, str]) -> str | None:
    return attributes.get("ELEVE_ID", "").strip()[: MAX_VALUE + 1] or None


def _refuse_doctype(*_declaration: object) -> None:
    raise refused("doctype")


def _wrong_root(name: str) -> FileRefusedError:
    kind, label = ROOTS.get(name, ("unknown", ""))
    if label and name != PUPIL_ROOT:
        return WrongKindError(kind, "wrong_export", label)
    return refused("unknown_root", name)
