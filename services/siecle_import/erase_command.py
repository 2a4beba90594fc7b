"""`python -m services.siecle_import erase`: erasures by operations.

One learner, on request; the trace of all erasures, written beside the backups; and the replay of
such a file after a restore, which brings back who had been erased since the backup.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from services.siecle_import.acts import ChangedMeanwhileError
from services.siecle_import.check import parse_uai
from services.siecle_import.domain.editing import UnknownPupilError, WrongStateError
from services.siecle_import.domain.erasing import (
    EventsWaitError,
    OnRequest,
    StillHereError,
    UnderWayError,
)
from services.siecle_import.erasing import erase_on_request, replay
from services.siecle_import.settings import ImportSettings
from services.siecle_import.store import erasures
from services.siecle_import.store.erasures import Erased
from services.siecle_import.transfers import CannotAskError, under_way_by
from shared.clock import Clock
from shared.database import Database
from shared.identifiers import Uai

AT_ONCE = 500

TRACE = TypeAdapter(Erased)
"""A line of the files that erasures are written to and replayed from."""

WHY_NOT: dict[type[Exception], str] = {
    UnknownPupilError: "Cet établissement n'a pas cet apprenant.",
    WrongStateError: "Cette fiche est fusionnée : effacez celle qui reste.",
    StillHereError: "Cet apprenant est inscrit dans l'établissement : il ne peut être effacé.",
    ChangedMeanwhileError: "La fiche vient de changer : relancez la commande.",
    UnderWayError: "Un transfert de cet apprenant est en cours : attendez sa fin.",
    EventsWaitError: "Des messages sont mis de côté (table parked) : traitez-les d'abord.",
    CannotAskError: "Le service des transferts ne répond pas (CPRO_TRANSFER_URL) : personne n'est "
    "effacé.",
}


def erase(
    *,
    uai: Annotated[
        Uai | None, typer.Option(parser=parse_uai, metavar="UAI", help="Établissement.")
    ] = None,
    pupil: Annotated[UUID | None, typer.Option(help="Identifiant de l'apprenant.")] = None,
    reason: Annotated[OnRequest, typer.Option(help="Motif.")] = OnRequest.AUTHORITY,
    export_trace: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Écrit la trace de tous les effacements (une ligne "
            "JSON chacun, sans identité)."),
    ] = None,
    replayed: Annotated[
        Path | None,
        typer.Option("--replay", exists=True, dir_okay=False,
            help="Efface à nouveau ce que dit cette trace, après une restauration."),
    ] = None,
) -> None:  # fmt: skip
    """Efface un apprenant sorti, écrit la trace des effacements, ou la rejoue."""
    if pupil is not None and uai is not None:
        _run(lambda database, settings: _one(database, settings, uai, pupil, reason))
    elif replayed is not None:
        traces = list(_read(replayed))
        _run(lambda database, _: _replay(database, traces))
        typer.echo(f"Effacements rejoués : {len(traces)}.")
    elif export_trace is not None:
        _run(lambda database, _: _export(database, export_trace))
    else:
        raise SystemExit("Indiquez --uai et --pupil, ou --export-trace, ou --replay.")


def _run(work: Callable[[Database, ImportSettings], Awaitable[None]]) -> None:
    """Do this on the database of the service; what stands against it is told."""

    async def on_database() -> None:
        settings = ImportSettings()
        database = await Database.open(settings.database_url.get_secret_value(), 2)
        try:
            await work(database, settings)
        finally:
            await database.close()

    try:
        asyncio.run(on_database())
    except tuple(WHY_NOT) as error:
        raise SystemExit(WHY_NOT[type(error)]) from None


async def _one(
    database: Database, settings: ImportSettings, uai: Uai, pupil: UUID, reason: OnRequest
) -> None:
    await erase_on_request(
        database, uai, pupil, None, reason, under_way_by(settings),
        by_whom=f"exploitation:{getpass.getuser()}", now=Clock(settings.today).now(),
    )  # fmt: skip
    typer.echo("Effacé.")


async def _export(database: Database, path: Path) -> None:
    """Write the trace beside its name first: a file that is there is whole."""
    partial = path.with_name(f"{path.name}.partiel")
    after, count = None, 0
    try:
        with partial.open("wb") as file:
            async with database.connection() as connection:
                while traces := await erasures.trace(connection, after, AT_ONCE):
                    file.writelines(TRACE.dump_json(one) + b"\n" for one in traces)
                    after, count = traces[-1].pupil_id, count + len(traces)
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    typer.echo(f"Effacements écrits : {count}.")


def _read(path: Path) -> Iterator[Erased]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield TRACE.validate_json(line)
            except ValidationError:
                raise SystemExit(f"Ligne {number} illisible : rien n'est effacé.") from None


async def _replay(database: Database, traces: list[Erased]) -> None:
    for uai, of_school in groupby(sorted(traces, key=attrgetter("uai")), key=attrgetter("uai")):
        some = list(of_school)
        for start in range(0, len(some), AT_ONCE):
            await replay(database, uai, some[start : start + AT_ONCE])
