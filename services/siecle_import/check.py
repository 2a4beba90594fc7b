"""`python -m services.siecle_import check FILE...`: what the import would say of files, no base.

For staff's help desk and for tests: it reads and judges, it changes nothing.
"""

import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from services.siecle_import.files.catalogue import LEVELS
from services.siecle_import.files.findings import Finding
from services.siecle_import.files.kinds import ROOTS
from services.siecle_import.files.reading import Reading, Verdict, read
from services.siecle_import.identifiers import school_timezone
from shared.clock import Clock
from shared.identifiers import InvalidUai, Uai

_SHOWN_OF_A_KIND = 5
_VERDICTS: dict[Verdict, str] = {
    "accepted": "accepté",
    "confirmation": "à confirmer",
    "refused": "REFUSÉ",
}
_KINDS = dict(ROOTS.values()) | {"csv": "CSV", "unknown": "de nature inconnue"}


def parse_uai(text: str) -> Uai:
    """The school named on a command line."""
    try:
        return Uai.parse(text)
    except InvalidUai as error:
        raise typer.BadParameter(str(error)) from None


def check(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="Fichiers à lire : zip de SIECLE ou XML."),
    ],
    *,
    uai: Annotated[
        Uai | None,
        typer.Option(parser=parse_uai, metavar="UAI", help="Établissement attendu."),
    ] = None,
    today: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="AAAA-MM-JJ", help="Jour de la lecture."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Un objet JSON par fichier, un par ligne.")
    ] = False,
) -> None:
    """Dit ce qu'un import répondrait à des fichiers, sans base et sans rien changer.

    Le code de retour est 0 quand aucun fichier n'est refusé, 1 sinon.
    """
    refused = False
    for file in files:
        reading = _read(file, uai, today.date() if today else None)
        refused = refused or reading.verdict == "refused"
        typer.echo(_as_json(file, reading) if as_json else "\n".join(_report(file, reading)))
    if refused:
        raise typer.Exit(1)


def _read(file: Path, uai: Uai | None, today: dt.date | None) -> Reading:
    zone = school_timezone(uai or "")
    if today is None:
        clock = Clock()
        today, received_at = clock.today(zone), clock.now()
    else:
        # At the end of that day: no file of the day is from the future.
        received_at = dt.datetime.combine(today, dt.time.max, zone)
    with file.open("rb") as opened:
        source = opened if opened.seekable() else io.BytesIO(opened.read())
        return read(source, today=today, received_at=received_at, uai=uai)


def _as_json(file: Path, reading: Reading) -> str:
    """One line, in ASCII, as any terminal and any tool takes it."""
    return json.dumps(
        {
            "file": str(file),
            "verdict": reading.verdict,
            "kind": reading.kind,
            "uai": reading.uai,
            "school_year": reading.school_year,
            "read": reading.read,
            "active": reading.active,
            "left": reading.left,
            "without_ine": reading.without_ine,
            "findings": [
                {"level": one.level, "code": one.code, "pupil": one.pupil, "message": one.message}
                for one in reading.findings
            ],
        }
    )


def _report(file: Path, reading: Reading) -> Iterator[str]:
    yield f"{file} : {_VERDICTS[reading.verdict]} (fichier {_KINDS[reading.kind]})"
    if reading.uai or reading.school_year:
        year = f"{reading.school_year}-{reading.school_year + 1}" if reading.school_year else "?"
        yield (
            f"  établissement {reading.uai or '?'}, année {year}, "
            f"du {reading.horodatage:%d/%m/%Y %H:%M}"
        )
    if reading.read:
        yield (
            f"  {reading.read} élèves lus : {reading.active} inscrits, {reading.left} sortis, "
            f"{reading.without_ine} sans INE, {reading.without_division} sans classe, "
            f"{reading.planned_departures} départs programmés, "
            f"{len(reading.in_error)} lignes en erreur"
        )
    yield from _grouped(reading.findings)


def _grouped(findings: tuple[Finding, ...]) -> Iterator[str]:
    """The findings by kind, the gravest first, a few of each."""
    kinds: dict[str, list[Finding]] = {}
    for one in findings:
        kinds.setdefault(one.code, []).append(one)
    for alike in kinds.values():
        for one in alike[:_SHOWN_OF_A_KIND]:
            yield f"  [{LEVELS[one.level]}] {one.message}"
        if len(alike) > _SHOWN_OF_A_KIND:
            yield f"  ... et {len(alike) - _SHOWN_OF_A_KIND} autres de même nature"
