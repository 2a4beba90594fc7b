"""Reading a SIECLE file of 10 MB, beside ElementTree.iterparse that takes the same fields."""

import io
import statistics
import time
from xml.etree import ElementTree

from services.siecle_import.archive import find_xml
from services.siecle_import.encoding import encoding_of, utf8_chunks
from services.siecle_import.reader import FileText, read_into
from tests.support.siecle import rnie

PUPILS = 3_000
ROUNDS = 5
READ_PAST = (
    "ID_ELEVE_ETAB", "DOUBLEMENT", "CODE_PAYS", "ACCEPTE_SMS", "DATE_MODIFICATION", "CODE_REGIME",
    "VILLE_NAISS", "CODE_PAYS_NAT", "CODE_DEPARTEMENT_NAISS", "CODE_COMMUNE_INSEE_NAISS",
    "ADHESION_TRANSPORT", "CODE_PROVENANCE", "TEL_PERSONNEL", "MEL", "OBSERVATIONS",
)  # fmt: skip
FILLER = "".join(f"\n        <{tag}>{'valeur ' * 18}</{tag}>" for tag in READ_PAST)
TAGS = {
    "ID_NATIONAL", "INE_BEA", "INE_RNIE", "NOM_DE_FAMILLE", "NOM_USAGE", "PRENOM", "DATE_NAISS",
    "CODE_SEXE", "DATE_ENTREE", "DATE_SORTIE", "CODE_MOTIF_SORTIE", "CODE_STATUT", "CODE_MEF",
}  # fmt: skip


def _file() -> bytes:
    """An export of about 3.2 kB a pupil, most of it fields that are read past, as in real ones."""
    pupils = "".join(
        f'<ELEVE ELEVE_ID="{n}"><ID_NATIONAL>{rnie(n)}</ID_NATIONAL><NOM_DE_FAMILLE>NOM{n}'
        "</NOM_DE_FAMILLE><PRENOM>Zoé</PRENOM><DATE_NAISS>14/03/2009</DATE_NAISS><CODE_SEXE>2"
        f"</CODE_SEXE>{FILLER}<CODE_MEF>24723332031</CODE_MEF></ELEVE>"
        for n in range(PUPILS)
    )
    text = (
        '<?xml version="1.0" encoding="ISO-8859-15"?><BEE_ELEVES><PARAMETRES><UAJ>9990001X</UAJ>'
        "<ANNEE_SCOLAIRE>2025</ANNEE_SCOLAIRE></PARAMETRES><DONNEES><ELEVES>"
        f"{pupils}</ELEVES></DONNEES></BEE_ELEVES>"
    )
    return text.encode("iso-8859-15")


def _ours(data: bytes) -> int:
    file, text = find_xml(io.BytesIO(data)), FileText()
    read_into(text, utf8_chunks(file.chunks(), encoding_of(file.head(), file.chunks)))
    return len(text.pupils)


def _naive(data: bytes) -> int:
    pupils = []
    for _, element in ElementTree.iterparse(io.BytesIO(data)):
        if element.tag == "ELEVE":
            pupils.append({child.tag: child.text for child in element if child.tag in TAGS})
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
