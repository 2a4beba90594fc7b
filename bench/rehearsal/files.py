"""The files of all schools, zipped as SIECLE does; kept from one rehearsal to the next."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from bench.export import export
from bench.rehearsal.nation import Nation
from bench.rehearsal.people import exported, told_by

_COMPRESSION = 1
"""The fastest: the files are ten times smaller all the same."""


def write_files(nation: Nation, schools: Sequence[int], folder: Path) -> int:
    """Write the files of these schools that are not there yet; the bytes of XML in all of theirs
    that are sent.
    """
    total = 0
    for school in schools:
        sizes = {file: _written(nation, school, folder / file) for file in nation.files(school)}
        total += sum(sizes[file] for file in nation.files(school))
    return total


def _written(nation: Nation, school: int, path: Path) -> int:
    """Write a file under its name only when it is whole; the bytes of its XML."""
    if not path.exists():
        draft = path.with_suffix(".new")
        with (
            zipfile.ZipFile(
                draft, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION
            ) as archive,
            archive.open("ElevesAvecAdresses.xml", "w") as file,
        ):
            told = told_by(nation, school, path.name)
            for piece in export(nation.uai(school), exported(nation, path.name), told):
                file.write(piece)
        draft.replace(path)
    with zipfile.ZipFile(path) as archive:
        return archive.infolist()[0].file_size
