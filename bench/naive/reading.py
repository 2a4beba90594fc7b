"""Reading a pupil file with ElementTree.iterparse."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

TAGS = {
    "ID_NATIONAL", "INE_BEA", "INE_RNIE", "NOM_DE_FAMILLE", "NOM_USAGE", "PRENOM", "DATE_NAISS",
    "CODE_SEXE", "DATE_ENTREE", "DATE_SORTIE", "CODE_MOTIF_SORTIE", "CODE_STATUT", "CODE_MEF",
}  # fmt: skip
OTHER_RECORDS = ("OPTION", "BOURSE", "ADRESSE")

Fields = dict[str, str | None]


def read(file: BinaryIO | Path) -> Sequence[Fields]:
    """The fields of each pupil, by tag, with his number and division."""
    pupils: dict[str, Fields] = {}
    for _, element in ElementTree.iterparse(file):
        if element.tag == "ELEVE":
            fields: Fields = {child.tag: child.text for child in element if child.tag in TAGS}
            fields["ELEVE_ID"] = element.attrib["ELEVE_ID"]
            fields["CODE_RNE"] = element.findtext("SCOLARITE_AN_DERNIER/CODE_RNE")
            pupils[element.attrib["ELEVE_ID"]] = fields
        elif element.tag == "STRUCTURES_ELEVE":
            codes = [structure.findtext("CODE_STRUCTURE") for structure in element]
            if codes and element.attrib["ELEVE_ID"] in pupils:
                pupils[element.attrib["ELEVE_ID"]]["DIVISION"] = codes[0]
        elif element.tag not in OTHER_RECORDS:
            continue
        element.clear()
    return list(pupils.values())
