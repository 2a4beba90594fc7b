"""From UTF-8 XML to the text of each pupil, in one pass, without ever holding the tree.

lxml builds the tree piece by piece; what has been read is cut off after each piece. It was measured
against expat with handlers, and is twice as fast. It has two habits that are dealt with
here: it reads a DOCTYPE before one can refuse it, so that expat looks at the prolog first; and it
keeps every distinct name for the life of its thread, so that `reading.read` gives it a thread of
its own. Depth and length of names are bounded by libxml2; the rest is bounded here.

Only what is needed is kept (data minimisation). SIECLE has no namespace: a name in a namespace is
another name.
"""

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from xml.parsers import expat

from lxml import etree

from services.siecle_import.files.archive import WrongKindError
from services.siecle_import.files.findings import FileRefusedError, refused
from services.siecle_import.files.kinds import PUPIL_ROOT, ROOTS, DoctypeError, root_element

MAX_VALUE = 200
"""Characters of a value; one that is longer is cut to `MAX_VALUE + 1`, which tells that it was."""

MAX_PUPILS = 50_000
_MAX_PROLOG_BYTES = 64 * 1024
_MAX_RECORD_BYTES = 1024 * 1024

_MAX_DIVISIONS = 2

_PATHS = {
    "PARAMETRES": (PUPIL_ROOT,),
    "ELEVE": ("ELEVES", "DONNEES", PUPIL_ROOT),
    "STRUCTURES_ELEVE": ("STRUCTURES", "DONNEES", PUPIL_ROOT),
}
"""The elements that are read, each with those it must stand in: elsewhere it is something else."""

_CONTAINERS = {path[at:] for path in _PATHS.values() for at in range(len(path))}
"""What these elements stand in, each with what it stands in itself."""

_Path = tuple[object, ...]
"""Tags, the innermost first; that of a processing instruction is a function."""

_DECLARATION = re.compile(rb"<\?xml\s.*?\?>", re.DOTALL)
_MARK = b"<?debut?>"
"""Put before the root, to find it from there."""

_DIVISION_CODES = etree.XPath("STRUCTURE[normalize-space(TYPE_STRUCTURE) = 'D']/CODE_STRUCTURE")

_PARAMETERS = ("UAJ", "ANNEE_SCOLAIRE", "HORODATAGE")
_OWN_TAGS = (
    "INE_RNIE",
    "INE_BEA",
    "ID_NATIONAL",
    "NOM_DE_FAMILLE",
    "NOM",
    "NOM_USAGE",
    "PRENOM",
)
_SHARED_TAGS = (
    "DATE_NAISS",
    "CODE_SEXE",
    "DATE_ENTREE",
    "DATE_SORTIE",
    "CODE_MOTIF_SORTIE",
    "CODE_STATUT",
    "CODE_MEF",
)
"""Those whose values many pupils share: each is held once in memory."""

_PUPIL_TAGS = (*_OWN_TAGS, *_SHARED_TAGS)

ROW_TAGS = ("ELEVE_ID", *_PUPIL_TAGS, "CODE_RNE")
"""Where each field of a `PupilRow` after its line comes from."""

# What libxml2 says when the file ends too early.
_TRUNCATED = {
    etree.ErrorTypes.ERR_DOCUMENT_EMPTY,
    etree.ErrorTypes.ERR_TAG_NOT_FINISHED,
    etree.ErrorTypes.ERR_GT_REQUIRED,
    etree.ErrorTypes.ERR_CDATA_NOT_FINISHED,
    etree.ErrorTypes.ERR_COMMENT_NOT_FINISHED,
}


class PupilRow(NamedTuple):
    """The text of an ELEVE: ends trimmed, None for a tag that is absent or empty.

    `line` is the line of the XML where the ELEVE begins; the others are in the order of `ROW_TAGS`.
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


def read_into(text: FileText, pieces: Iterable[bytes]) -> None:
    """Fill `text` from the pieces of a UTF-8 file, each of some tens of kilobytes.

    Raises:
        FileRefusedError: not well-formed, truncated, a DOCTYPE, another root, or out of all bounds.
    """
    try:
        tree = _Tree(text)
        remaining = _after_prolog(pieces)
        tree.begin(next(remaining))
        for piece in remaining:
            tree.feed(piece)
        tree.close()
    except etree.XMLSyntaxError as error:
        is_early_end = error.code in _TRUNCATED  # type: ignore[attr-defined] # not in the stubs
        code = "xml_truncated" if is_early_end else "xml_malformed"
        raise refused(code, str(error.lineno or "?")) from None


def _after_prolog(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, the first piece held back until it has the root element and it is right."""
    remaining = iter(pieces)
    head = b""
    root = None
    while root is None and (piece := next(remaining, b"")):
        head += piece
        root = _root_of_pupil_file(head)
    yield head
    yield from remaining


def _root_of_pupil_file(head: bytes) -> str | None:
    """The root element, or None when it is not reached yet."""
    try:
        root = root_element(head)
    except DoctypeError:
        raise refused("doctype") from None
    except expat.ExpatError as error:
        raise refused("xml_malformed", str(error.lineno)) from None
    if root is None and len(head) > _MAX_PROLOG_BYTES:
        raise refused("xml_abnormal", "rien que des commentaires au début")
    if root not in (None, PUPIL_ROOT):
        raise _wrong_root(root)
    return root


def _wrong_root(name: str) -> FileRefusedError:
    if name in ROOTS:
        kind, label = ROOTS[name]
        return WrongKindError(kind, "wrong_export", label)
    return refused("unknown_root", name)


class _Tree:
    """The tree while libxml2 builds it: a record is taken when something follows it, and cut off.

    lxml could tell of each element that begins or ends. That costs as much again as building the
    tree, and takes the interpreter's lock each time. It tells of processing instructions only: one
    of our own stands before the root, which is found from there.
    """

    def __init__(self, text: FileText) -> None:
        self._text = text
        self._mark: etree._Element | None = None
        self._root: etree._Element | None = None
        self._has_instructions = False
        self._bytes_in_record = 0
        self._parser = etree.XMLPullParser(
            events=("pi",),
            encoding="utf-8",  # whatever the declaration says: the bytes were decoded before
            # Entities are as lxml has them, internal ones only: without DOCTYPE there is none, and
            # each reference is an error at once.
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
            remove_blank_text=True,
            remove_comments=True,
        )

    def begin(self, head: bytes) -> None:
        """Read the first piece, which has the root element and may have the XML declaration."""
        declared = _DECLARATION.match(head)
        end = declared.end() if declared else 0
        self.feed(head[:end] + _MARK)
        self.feed(head[end:])

    def feed(self, piece: bytes) -> None:
        """Read one piece more; take the records that something follows, even before an error."""
        try:
            self._parser.feed(piece)
        finally:
            self._find_root()
            cut = self._take_and_cut()
        self._bytes_in_record = 0 if cut else self._bytes_in_record + len(piece)
        if self._bytes_in_record > _MAX_RECORD_BYTES:
            raise refused("xml_abnormal", "un élément n'en finit pas")

    def close(self) -> None:
        """Tell the parser that the file ends here, and take what is left."""
        self._take(self._parser.close(), ())

    def _find_root(self) -> None:
        for _, instruction in self._parser.read_events():
            if self._mark is None:
                self._mark = cast("etree._Element", instruction)
            else:
                self._has_instructions = True
        if self._root is None and self._mark is not None:
            after = self._mark.itersiblings()
            self._root = next((node for node in after if isinstance(node.tag, str)), None)

    def _take_and_cut(self) -> bool:
        """Take all that is whole, down to the record under way, and cut it off; whether there was
        any. A tree from which nothing can be cut for long is one endless element or text.
        """
        node, cut = self._root, False
        path: _Path = ()
        while node is not None and len(node) and node.tag not in _PATHS:
            path = (node.tag, *path)
            if len(node) > 1:
                if path in _CONTAINERS:
                    for whole in list(node)[:-1]:
                        self._take(whole, path)
                del node[:-1]
                cut = True
            node = node[-1]
        return cut

    def _take(self, element: etree._Element, path: _Path) -> None:
        """Take a whole element that stands in these, or the records in it if it is one of them."""
        inner = (element.tag, *path)
        if inner in _CONTAINERS:
            for child in element:
                self._take(child, inner)
        elif path == _PATHS.get(element.tag):
            if self._has_instructions:
                etree.strip_tags(element, etree.PI)
            if element.tag == "ELEVE":
                self._take_pupil(element)
            elif element.tag == "STRUCTURES_ELEVE":
                self._take_divisions(element)
            else:
                self._take_parameters(element)

    def _take_parameters(self, element: etree._Element) -> None:
        for child in element.iterchildren(*_PARAMETERS):
            if value := _value(child.text):
                self._text.parameters.setdefault(child.tag, value)

    def _take_pupil(self, element: etree._Element) -> None:
        texts = {child.tag: _value(child.text) for child in element.iterchildren(*_PUPIL_TAGS)}
        row = [
            element.sourceline,
            _value(element.get("ELEVE_ID")),
            *[texts.get(tag) for tag in _OWN_TAGS],
            *[_shared(texts.get(tag)) for tag in _SHARED_TAGS],
            _shared(_last_year_school(element)),
        ]
        self._text.pupils.append(PupilRow._make(row))
        if len(self._text.pupils) > MAX_PUPILS:
            raise refused("xml_abnormal", f"plus de {MAX_PUPILS} élèves")

    def _take_divisions(self, element: etree._Element) -> None:
        eleve_id = _value(element.get("ELEVE_ID"))
        if eleve_id is None:
            return
        divisions = self._text.divisions
        for found in cast("list[etree._Element]", _DIVISION_CODES(element)):
            code = _shared(_value(found.text))
            known = divisions.get(eleve_id, ())
            if code and code not in known and len(known) < _MAX_DIVISIONS:
                divisions[eleve_id] = (*known, code)
        if len(divisions) > MAX_PUPILS:
            raise refused("xml_abnormal", f"des classes pour plus de {MAX_PUPILS} élèves")


def _value(text: str | None) -> str | None:
    return text.strip()[: MAX_VALUE + 1] or None if text else None


def _shared(text: str | None) -> str | None:
    return sys.intern(text) if text else None


def _last_year_school(element: etree._Element) -> str | None:
    for last_year in element.iterchildren("SCOLARITE_AN_DERNIER"):
        for code in last_year.iterchildren("CODE_RNE"):
            return _value(code.text)
    return None
