"""Reading a SIECLE file of 8 MB, beside ElementTree.iterparse that takes the same fields."""

import io
import re
import statistics
import time
from pathlib import Path
from xml.etree import ElementTree

from services.siecle_import.files.archive import find_xml
from services.siecle_import.files.encoding import encoding_of, utf8_chunks
from services.siecle_import.files.reader import FileText, read_into
from tests.support.siecle import rnie

SAMPLE = Path(__file__).parents[1] / "tests/samples/siecle/transfert/B_import2_arrive.xml"
PUPILS = 3_000
ROUNDS = 5
TAGS = {
    "ID_NATIONAL", "INE_BEA", "INE_RNIE", "NOM_DE_FAMILLE", "NOM_USAGE", "PRENOM", "DATE_NAISS",
    "CODE_SEXE", "DATE_ENTREE", "DATE_SORTIE", "CODE_MOTIF_SORTIE", "CODE_STATUT", "CODE_MEF",
}  # fmt: skip


def _file() -> bytes:
    """An export in the layout of SIECLE: the pupil of a sample, many times under other numbers."""
    text = SAMPLE.read_text(encoding="iso-8859-15")
    pupil, structures = (
        re.findall(rf' *<{tag} ELEVE_ID="805009".*?</{tag}>\n', text, re.DOTALL)[0]
        for tag in ("ELEVE", "STRUCTURES_ELEVE")
    )

    def many(part: str) -> str:
        numbered = part.replace("805009", "{0}").replace("990324679CC", "{1}")
        return "".join(numbered.format(n, rnie(n)) for n in range(PUPILS))

    head = text[: text.index("      <ELEVE ")]
    return (
        f"{head}{many(pupil)}</ELEVES><STRUCTURES>{many(structures)}</STRUCTURES></DONNEES>"
        "</BEE_ELEVES>"
    ).encode("iso-8859-15")


def _ours(data: bytes) -> int:
    file, text = find_xml(io.BytesIO(data)), FileText()
    read_into(text, utf8_chunks(file.chunks(), encoding_of(file.head(), file.chunks)))
    return len(text.pupils)


def _naive(data: bytes) -> int:
    pupils = []
    divisions: dict[str, list[str | None]] = {}
    for _, element in ElementTree.iterparse(io.BytesIO(data)):
        if element.tag == "ELEVE":
            fields = {child.tag: child.text for child in element if child.tag in TAGS}
            pupils.append(fields | {"CODE_RNE": element.findtext("SCOLARITE_AN_DERNIER/CODE_RNE")})
            element.clear()
        elif element.tag == "STRUCTURES_ELEVE":
            codes = [structure.findtext("CODE_STRUCTURE") for structure in element]
            divisions[element.attrib["ELEVE_ID"]] = codes
            element.clear()
    return len(pupils)


def parse_rates() -> tuple[float, float]:
    """Median pupils a second: ours, with its safety rules, and the naive way, with none."""
    data = _file()
    seconds: dict[object, list[float]] = {_ours: [], _naive: []}
    for _ in range(ROUNDS):
        for way in (_ours, _naive):
            begun = time.perf_counter()
            if way(data) != PUPILS:
                raise ValueError("not all pupils were read")
            seconds[way].append(time.perf_counter() - begun)
    ours, naive = (PUPILS / statistics.median(taken) for taken in seconds.values())
    return ours, naive
