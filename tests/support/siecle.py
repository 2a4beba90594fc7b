"""SIECLE exports made for a test: only what the import reads."""

from collections.abc import Iterable
from pathlib import Path

from services.siecle_import.identifiers import Ine


def rnie(number: int) -> str:
    """A fictional INE with a right key, different for each number below ten million."""
    digits = f"{990000000 + number:09d}"
    tens, units = divmod(97 - int(digits) % 97, 10)
    ine = Ine.parse(digits + "ABCDEFGHJK"[tens] + "ABCDEFGHJK"[units])
    assert ine.key_is_right
    return ine.text


def _pupil(number: int) -> str:
    return (
        f'<ELEVE ELEVE_ID="{number}"><ID_NATIONAL>{rnie(number)}</ID_NATIONAL>'
        f"<NOM_DE_FAMILLE>NOM{number}</NOM_DE_FAMILLE><PRENOM>Prénom</PRENOM>"
        "<DATE_NAISS>14/03/2009</DATE_NAISS><CODE_SEXE>2</CODE_SEXE>"
        "<CODE_STATUT>ST</CODE_STATUT><CODE_MEF>24723332031</CODE_MEF></ELEVE>"
    )


def _division(number: int) -> str:
    return (
        f'<STRUCTURES_ELEVE ELEVE_ID="{number}"><STRUCTURE><CODE_STRUCTURE>2MELEC'
        "</CODE_STRUCTURE><TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE></STRUCTURES_ELEVE>"
    )


def export(path: Path, uai: str, horodatage: str, pupils: Iterable[int]) -> Path:
    """Write the export of a school at a moment (`JJ/MM/AAAA HH:MM:SS`); pupils are numbers, the
    same number being the same person in every school.
    """
    numbers = list(pupils)
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-15"?><BEE_ELEVES VERSION="3.0"><PARAMETRES>'
        f"<UAJ>{uai}</UAJ><ANNEE_SCOLAIRE>2025</ANNEE_SCOLAIRE>"
        f"<HORODATAGE>{horodatage}</HORODATAGE></PARAMETRES><DONNEES>"
        f"<ELEVES>{''.join(map(_pupil, numbers))}</ELEVES>"
        f"<STRUCTURES>{''.join(map(_division, numbers))}</STRUCTURES>"
        "</DONNEES></BEE_ELEVES>",
        encoding="iso-8859-15",
    )
    return path
