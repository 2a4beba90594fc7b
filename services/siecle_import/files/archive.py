"""From an upload to the bytes of one XML file, whatever the upload claims to be.

A zip is never unpacked to disk and never held whole in memory. Every bound is checked twice: on
what the archive declares, before reading, and on what comes out, while reading.
"""

import errno
import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import PureWindowsPath
from struct import error as struct_error
from typing import IO, BinaryIO

from services.siecle_import.files.findings import FileRefusedError, finding, refused
from services.siecle_import.files.kinds import (
    PUPIL_ROOT,
    ROOTS,
    UNKNOWN_FORMAT,
    ZIP,
    Kind,
    looks_like_xml,
    other_format,
    root_of,
)

MAX_XML_BYTES = 100_000_000
MAX_ZIP_BYTES = 20_000_000
MAX_RATIO = 200
CHUNK_BYTES = 64 * 1024

_MAX_ENTRIES = 100
# One entry takes 46 bytes and its name. zipfile makes an object of each before it can be asked how
# many there are: a zip of 20 MB can hold 400,000.
_MAX_DIRECTORY_BYTES = 256 * 1024

_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_OFFICE_ENTRIES = {"[Content_Types].xml", "META-INF/manifest.xml"}


class WrongKindError(FileRefusedError):
    """The file is refused, and its kind is known."""

    def __init__(self, kind: Kind, code: str, value: str | None = None) -> None:
        super().__init__(finding(code, value=value))
        self.kind = kind


@dataclass(frozen=True, slots=True)
class XmlFile:
    """The XML of an upload. `size` is what is declared, in bytes; `packed` that in the zip, None
    for a file that is no zip.
    """

    open: Callable[[], IO[bytes]]
    size: int
    packed: int | None = None

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the XML from its beginning, counted.

        Raises:
            FileRefusedError: more than `MAX_XML_BYTES`, more than `MAX_RATIO` times the packed
                size, or a zip that cannot be read on.
        """
        count = 0
        with nullcontext() if self.packed is None else _zip_errors():
            stream = self.open()
            while chunk := stream.read(CHUNK_BYTES):
                count += len(chunk)
                _check_size(count, self.packed)
                yield chunk

    def head(self) -> bytes:
        """The first bytes, enough for a declaration, comments and the root element."""
        return next(self.chunks(), b"")


Progress = Callable[[int], None]
"""Told how many percent of a file have been read."""


class Digest:
    """The SHA-256 of an XML file, computed while it is read; `size` is what was read, in bytes."""

    def __init__(self, file: XmlFile, progress: Progress = lambda _: None) -> None:
        self.size = 0
        self._progress = progress
        self._sha256 = hashlib.sha256()
        self._whole = False
        self._chunks = self._taken(file)

    def _taken(self, file: XmlFile) -> Iterator[bytes]:
        for chunk in file.chunks():
            self._sha256.update(chunk)
            self.size += len(chunk)
            self._progress(min(100, 100 * self.size // max(1, file.size)))
            yield chunk
        self._whole = True

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the file, once."""
        return self._chunks

    def finish(self) -> str | None:
        """Read what remains, and give the digest in hexadecimal; None if the end was not reached.

        Raises:
            FileRefusedError: as `XmlFile.chunks`, unless `chunks` has raised it before.
        """
        for _ in self._chunks:
            pass
        return self._sha256.hexdigest() if self._whole else None


def find_xml(source: BinaryIO) -> XmlFile:
    """The XML file that a seekable upload is, or holds.

    Raises:
        FileRefusedError: the upload is empty, no XML and no zip, or a zip that breaks a rule.
    """

    def rewound() -> BinaryIO:
        source.seek(0)
        return source

    head = rewound().read(CHUNK_BYTES)
    if not head:
        raise refused("empty_file")
    if head.startswith(ZIP):
        return _in_zip(source)
    if not looks_like_xml(head):
        raise _not_xml(head)
    return XmlFile(rewound, source.seek(0, os.SEEK_END))


def _not_xml(head: bytes) -> FileRefusedError:
    format_name = other_format(head)
    if format_name == "csv":
        return WrongKindError("csv", "csv_file")
    if format_name == "office":
        return refused("office_file")
    return refused("not_xml", format_name)


class _BoundedReads:
    """A file that refuses to be read by more than the size of a reasonable zip directory at once.

    zipfile reads the whole directory in one call, whose size the archive chooses.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_DIRECTORY_BYTES:
            raise refused("zip_too_many_files")
        return self._file.read(size)


def _in_zip(source: BinaryIO) -> XmlFile:
    zip_size = source.seek(0, os.SEEK_END)
    if zip_size > MAX_ZIP_BYTES:
        raise refused("zip_too_large", _megabytes(MAX_ZIP_BYTES))
    with _zip_errors():
        archive = zipfile.ZipFile(_BoundedReads(source))
        entries = archive.infolist()
    if _OFFICE_ENTRIES & {entry.filename for entry in entries}:
        raise refused("office_file")
    if len(entries) > _MAX_ENTRIES:
        raise refused("zip_too_many_files")
    kept = [entry for entry in entries if _is_kept(entry)]
    return _pupil_file([(entry.filename, _checked(archive, entry, zip_size)) for entry in kept])


def _is_kept(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry may be the pupil file: not a folder, nor what a Mac adds.

    Raises:
        FileRefusedError: the path of the entry leads outside.
    """
    path = PureWindowsPath(entry.filename)  # which knows drives and both kinds of slash
    if path.drive or path.root or ".." in path.parts:
        raise refused("zip_path_outside", entry.filename)
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    of_a_mac = "__MACOSX" in path.parts or path.name.startswith("._")
    return not (entry.is_dir() or is_link or of_a_mac)


def _checked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, zip_size: int) -> XmlFile:
    if entry.flag_bits & _ENCRYPTED_FLAGS:
        raise refused("zip_encrypted")
    # bz2 and lzma unfold a whole block at once: only deflate can be read by bounded pieces.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refused("zip_method")
    packed = min(entry.compress_size, zip_size)  # it is declared, too
    _check_size(entry.file_size, packed)
    return XmlFile(lambda: archive.open(entry), entry.file_size, packed)


def _check_size(size: int, packed: int | None) -> None:
    if size > MAX_XML_BYTES:
        raise refused("xml_too_large", _megabytes(MAX_XML_BYTES))
    if packed is not None and size > MAX_RATIO * packed:
        raise refused("zip_ratio", str(MAX_RATIO))


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000} Mo"


def _pupil_file(entries: list[tuple[str, XmlFile]]) -> XmlFile:
    """The one pupil file among the entries, told by its root element.

    When there is none, an only XML entry is given all the same: reading it tells what is wrong.
    """
    heads = [(name, file, file.head()) for name, file in entries]
    found = [(name, file, root_of(head)) for name, file, head in heads if looks_like_xml(head)]
    pupils = [(name, file) for name, file, root in found if root == PUPIL_ROOT]
    if len(pupils) > 1:
        names = ", ".join(name for name, _ in pupils[:3])
        raise WrongKindError("eleves", "zip_several_pupil_files", names)
    if pupils:
        return pupils[0][1]
    if len(found) == 1:
        return found[0][1]
    if len(heads) == 1 and other_format(heads[0][2]) != UNKNOWN_FORMAT:
        raise _not_xml(heads[0][2])
    raise WrongKindError(_common_kind([root for *_, root in found]), "zip_no_pupil_file")


def _common_kind(roots: list[str | None]) -> Kind:
    kinds = {ROOTS.get(root or "", ("unknown", ""))[0] for root in roots}
    return kinds.pop() if len(kinds) == 1 else "unknown"


@contextmanager
def _zip_errors() -> Iterator[None]:
    """Anything that zipfile says of a damaged archive is one finding.

    A failure of the disk is not the archive's: only a seek to an impossible place is.
    """
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct_error, EOFError, ValueError, OverflowError):
        raise refused("zip_corrupt") from None
    except NotImplementedError:
        raise refused("zip_method") from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise refused("zip_corrupt") from None
