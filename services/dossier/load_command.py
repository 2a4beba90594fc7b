"""`python -m services.dossier load FILE.jsonl`: records that existed before, by operations.

It works on the database of the service, whether the service runs or not.
"""

import asyncio
import csv
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from services.dossier.loading import (
    CannotAskError,
    NobodyToAskError,
    Outcome,
    Reason,
    Refusal,
    Resolver,
    batches,
)
from services.dossier.loading import load as load_batch
from services.dossier.settings import DossierSettings
from shared.database import UNAVAILABLE, Database
from shared.signing import NoSigningKeyError, Signer

LABELS = {
    Reason.TOO_LONG: "ligne de plus de 1 Mio",
    Reason.UNREADABLE: "ce n'est pas du JSON",
    Reason.INVALID: "champ absent, inconnu ou refusé",
    Reason.UNKNOWN_INE: "INE inconnu dans cet établissement",
    Reason.UNKNOWN_LEARNER: "apprenant inconnu",
    Reason.MOVED: "dossier transmis à un autre établissement",
}
AGAIN = "Ce qui précède est enregistré ; relancez la même commande : rien n'est ajouté deux fois."
COLUMNS = (BarColumn(), DownloadColumn(), TimeRemainingColumn())

Note = Callable[[Refusal], object]


def load(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Un document JSON par ligne.")
    ],
    *,
    refused: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Où écrire les lignes refusées : numéro et motif (CSV)."),
    ] = None,
) -> None:
    """Charge des documents antérieurs ; recharger le même fichier n'ajoute rien.

    Le code de retour est 0 si aucune ligne n'est refusée, 1 sinon.
    """
    console, outcome = Console(), Outcome()
    try:
        with ExitStack() as stack:
            note = _notes(stack, refused)
            content = stack.enter_context(file.open("rb"))
            progress = stack.enter_context(Progress(*COLUMNS, console=console, transient=True))
            task = progress.add_task("Chargement", total=file.stat().st_size)
            advance = partial(progress.update, task)
            asyncio.run(_load(content, note, advance, outcome))
    except NobodyToAskError:
        raise SystemExit(
            "Des lignes désignent l'apprenant par son INE : indiquez CPRO_SIECLE_IMPORT_URL et "
            f"CPRO_SIGNING_KEY_FILE. {AGAIN}"
        ) from None
    except CannotAskError:
        raise SystemExit(f"siecle_import ne répond pas comme attendu. {AGAIN}") from None
    except UNAVAILABLE:
        raise SystemExit(f"La base de données ne répond pas. {AGAIN}") from None
    finally:
        console.print(_table(outcome))
    if outcome.refused:
        raise typer.Exit(1)


async def _load(
    content: IO[bytes], note: Note, advance: Callable[..., None], outcome: Outcome
) -> None:
    settings = DossierSettings()
    resolver = _resolver(settings)
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        for batch in batches(content):
            for refusal in await load_batch(database, batch, resolver, outcome):
                note(refusal)
            advance(completed=content.tell())
    finally:
        await database.close()


def _resolver(settings: DossierSettings) -> Resolver | None:
    if settings.siecle_import_url is None:
        return None
    try:
        return Resolver(settings.siecle_import_url, Signer.from_settings(settings))
    except NoSigningKeyError:
        return None


def _notes(stack: ExitStack, path: Path | None) -> Note:
    """Where refused lines are noted."""
    if path is None:
        return lambda _: None
    file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
    writer = csv.writer(file, delimiter=";")
    writer.writerow(("ligne", "motif", "champs"))
    return lambda one: writer.writerow((one.line, one.reason.value, " ".join(one.fields)))


def _table(outcome: Outcome) -> Table:
    table = Table("Lignes", "Nombre")
    table.add_row("ajoutées", str(outcome.added))
    table.add_row("déjà là", str(outcome.already))
    for reason, number in sorted(outcome.refused.items()):
        table.add_row(f"refusées : {LABELS[reason]}", str(number))
    return table
