"""`python -m services.siecle_import import FILE --uai UAI`: an import by operations, base and all.

It works on the database of the service, whether the service runs or not: each step is done by
whoever comes first, here or there.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from asyncpg import Record
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from uuid_utils.compat import uuid7

from services.siecle_import import importing
from services.siecle_import.check import parse_uai
from services.siecle_import.closing import SchoolClosedError
from services.siecle_import.domain.imports import (
    AT_WORK,
    ImportUnderWayError,
    Needed,
    NotConfirmedError,
    State,
)
from services.siecle_import.files.catalogue import LEVELS
from services.siecle_import.importing import Consent
from services.siecle_import.keys import KeyMaker
from services.siecle_import.settings import ImportSettings
from services.siecle_import.steps import work
from services.siecle_import.store import imports
from shared.clock import Clock
from shared.database import Database
from shared.identifiers import Uai
from shared.telemetry import span_of

LOOK_SECONDS = 0.1
COUNTS = {
    "read": "lus",
    "active": "inscrits",
    "left": "sortis",
    "without_ine": "sans INE",
    "without_division": "sans classe",
    "created": "nouveaux",
    "updated": "modifiés",
    "reactivated": "réactivés",
    "deactivated": "désactivés",
    "planned": "départs programmés",
    "ignored": "ignorés",
}
STATES = {
    State.READY: "prêt",
    State.APPLIED: "appliqué",
    State.SEEN: "déjà importé : rien à changer",
    State.REFUSED: "REFUSÉ",
    State.FAILED: "ÉCHEC : la base n'a pas changé",
    State.CANCELLED: "abandonné",
    State.SUPERSEDED: "remplacé par un autre import",
    State.UNDONE: "annulé",
}


def import_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Zip de SIECLE, XML ou tableau CSV.")
    ],
    *,
    uai: Annotated[
        Uai, typer.Option(parser=parse_uai, metavar="UAI", help="Établissement qui importe.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Appliquer sans rien demander, sauf un nombre à saisir.")
    ] = False,
    deactivations: Annotated[
        int | None, typer.Option(help="Nombre de désactivations attendu, s'il est demandé.")
    ] = None,
) -> None:
    """Importe un fichier : lecture, aperçu, confirmation, application.

    Le code de retour est 0 quand l'import est appliqué ou déjà connu, 1 sinon.
    """
    console = Console()
    state = asyncio.run(_import(console, file, uai, _Answers(yes, deactivations)))
    console.print(f"{file.name} : {STATES[state]}.")
    if state not in (State.APPLIED, State.SEEN):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the command line has answered beforehand."""

    yes: bool
    deactivations: int | None

    def consent(self, needed: Sequence[Needed]) -> Consent | None:
        """What is confirmed, the rest being asked at the terminal; None to give up."""
        number = self.deactivations
        for one in needed:
            if one.number is not None and number is None:
                number = typer.prompt(f"{one.message}\nNombre", type=int)
            elif one.number is None and not (self.yes or typer.confirm(one.message)):
                return None
        if not (self.yes or needed or typer.confirm("Appliquer cet import ?")):
            return None
        return Consent([one.code for one in needed], number, ())


async def _import(console: Console, file: Path, uai: Uai, answers: _Answers) -> State:
    settings = ImportSettings()
    clock = Clock(settings.today)
    keys = KeyMaker.from_settings(settings)
    database = await Database.open(settings.database_url.get_secret_value(), 4)
    try:
        import_id = await _send(database, file, uai, clock)
        run = await _worked(console, database, uai, import_id, partial(work, database, clock, keys))
        _show(console, run)
        if run["state"] != State.READY:
            return State(run["state"])
        consent = answers.consent(importing.needed(run))
        async with database.transaction() as transaction:
            if consent is None:
                await importing.cancel(transaction, uai, import_id, by=_who(), at=clock.now())
                return State.CANCELLED
            await importing.confirm(transaction, uai, import_id, consent, confirmed_by=_who())
        run = await _worked(console, database, uai, import_id, partial(work, database, clock, keys))
        return State(run["state"])
    except ImportUnderWayError:
        raise SystemExit("Un import de cet établissement est en cours : attendez sa fin.") from None
    except SchoolClosedError as error:
        raise SystemExit(error.problem.detail) from None
    except NotConfirmedError:
        raise SystemExit("Le nombre saisi n'est pas celui des désactivations.") from None
    finally:
        await database.close()


def _who() -> str:
    return f"exploitation:{getpass.getuser()}"


async def _send(database: Database, file: Path, uai: Uai, clock: Clock) -> UUID:
    import_id = uuid7()
    with file.open("rb") as content, span_of("command", ()):
        async with database.transaction() as transaction:
            await importing.receive(
                transaction, uai, content, file_name=file.name, sent_by=_who(),
                received_at=clock.now(), import_id=import_id,
            )  # fmt: skip
    return import_id


async def _worked(
    console: Console,
    database: Database,
    uai: Uai,
    import_id: UUID,
    work: Callable[[], Awaitable[None]],
) -> Record:
    """The import once nobody works on it any more, with a progress bar until then."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Import", total=100)
        working = asyncio.create_task(_until_done(database, uai, import_id, work))
        while not working.done():
            async with database.connection() as connection:
                run = await imports.import_run(connection, uai, import_id)
            progress.update(task, completed=run["progress"] if run else 0)
            await asyncio.wait({working}, timeout=LOOK_SECONDS)
        return await working


async def _until_done(
    database: Database, uai: Uai, import_id: UUID, work: Callable[[], Awaitable[None]]
) -> Record:
    while True:
        await work()
        async with database.connection() as connection:
            run = await imports.import_run(connection, uai, import_id)
        if run is None:
            raise LookupError("the import was deleted")
        if run["state"] not in AT_WORK:
            return run
        await asyncio.sleep(LOOK_SECONDS)


def _show(console: Console, run: Record) -> None:
    """The preview: the counts, then what was found."""
    if run["counts"]:
        table = Table("Élèves", "Nombre", title=run["file_name"])
        for name, label in COUNTS.items():
            if name in run["counts"]:
                table.add_row(label, str(run["counts"][name]))
        console.print(table)
    for group in run["findings"] or ():
        for message in group["messages"]:
            console.print(f"[{LEVELS[group['level']]}] {message}", markup=False)
        if (more := group["count"] - len(group["messages"])) > 0:
            console.print(f"... et {more} de même nature")
