"""SIECLE files made to show one rule, and their reading."""

import datetime as dt
import io
import zipfile
from pathlib import Path

from services.siecle_import.files.reading import Reading, read
from shared.identifiers import Uai

SAMPLES = Path(__file__).parents[2] / "samples" / "siecle"

SCHOOL = Uai.parse("9990001X")
OTHER_SCHOOL = Uai.parse("9990002Y")
TODAY = dt.date(2026, 1, 20)
NOON = dt.datetime(2026, 1, 20, 12, tzinfo=dt.UTC)

INE = ("990007919HH", "990015838BF", "990023757FA")
BEA = "9913000001B"
INA = "9924A12345Z"

DECLARATION = '<?xml version="1.0" encoding="ISO-8859-15"?>'
PARAMETERS = (
    "<UAJ>9990001X</UAJ><ANNEE_SCOLAIRE>2025</ANNEE_SCOLAIRE>"
    "<HORODATAGE>15/09/2025 18:02:31</HORODATAGE>"
)


def eleve(eleve_id: str | None = "1", **tags: str | None) -> str:
    """An ELEVE without fault; a tag given as None is left out."""
    defaults: dict[str, str | None] = {
        "ID_NATIONAL": INE[0],
        "NOM_DE_FAMILLE": "MARTEL",
        "PRENOM": "Éloi",
        "DATE_NAISS": "14/03/2009",
        "CODE_SEXE": "1",
        "DATE_ENTREE": "01/09/2025",
        "CODE_STATUT": "ST",
        "CODE_MEF": "24723332031",
    }
    inner = "".join(
        f"<{tag}>{text}</{tag}>" for tag, text in (defaults | tags).items() if text is not None
    )
    attribute = "" if eleve_id is None else f' ELEVE_ID="{eleve_id}"'
    return f"<ELEVE{attribute}>{inner}</ELEVE>"


def structures(eleve_id: str, *codes: str, kind: str = "D") -> str:
    """The divisions (D) or groups (G) of a pupil."""
    inner = "".join(
        f"<STRUCTURE><CODE_STRUCTURE>{code}</CODE_STRUCTURE>"
        f"<TYPE_STRUCTURE>{kind}</TYPE_STRUCTURE></STRUCTURE>"
        for code in codes
    )
    return f'<STRUCTURES_ELEVE ELEVE_ID="{eleve_id}">{inner}</STRUCTURES_ELEVE>'


def document(
    eleves: str = "", classes: str | None = None, parameters: str = PARAMETERS, root: str = ""
) -> str:
    """A pupil file without declaration; without `classes`, pupils 1 to 3 are in 2MELEC."""
    if classes is None:
        classes = "".join(structures(str(number), "2MELEC") for number in (1, 2, 3))
    return (
        f"<BEE_ELEVES{root}><PARAMETRES>{parameters}</PARAMETRES><DONNEES><ELEVES>{eleves}</ELEVES>"
        f"<STRUCTURES>{classes}</STRUCTURES></DONNEES></BEE_ELEVES>"
    )


def latin9(text: str) -> bytes:
    """A document as SIECLE writes it."""
    return (DECLARATION + text).encode("iso8859-15")


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def reading_of(
    content: bytes | str,
    *,
    uai: Uai | None = SCHOOL,
    today: dt.date = TODAY,
    received_at: dt.datetime = NOON,
) -> Reading:
    """The reading of an upload; a text is a document, written in Latin-9."""
    data = latin9(content) if isinstance(content, str) else content
    return read(io.BytesIO(data), today=today, received_at=received_at, uai=uai)


def reading_of_one(*eleves: str, classes: str | None = None) -> Reading:
    """The reading of a file that holds these pupils."""
    return reading_of(document("".join(eleves), classes))


def codes(reading: Reading) -> list[str]:
    """The codes of the findings, gravest first."""
    return [one.code for one in reading.findings]
