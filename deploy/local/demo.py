"""The demonstration: the guide's first situation, played on real servers with real files.

Two schools import from SIECLE in September; in January a pupil changes school. Each step is printed
as it happens; the end says how long the records took, and where they are.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.client import Json, School, UnexpectedAnswerError
from deploy.local.stack import running_stack

TREE = Path(__file__).parents[2]
FOLDER = TREE / ".local" / "demo"
FILES = TREE / "tests" / "samples" / "siecle" / "transfert"
TODAY = dt.date(2026, 1, 20)
ORIGIN, DESTINATION = "9990001X", "9990002Y"
PUPIL = "MUTÉ"
RECORDS = (
    ("bilan", "Bilan de compétences du premier trimestre"),
    ("fiche", "Fiche d'activité n° 1"),
    ("fiche", "Fiche d'activité n° 2"),
    ("evaluation", "Contrôle en cours de formation n° 1"),
)
KINDS = {"bilan": "bilan", "fiche": "fiche", "evaluation": "évaluation"}
STEPS = 9

T = TypeVar("T")


class RecordsDidNotMoveError(Exception):
    """The end of the story is not the one that the guide promises."""


class System(Protocol):
    """What the story needs of a system that runs, wherever it does."""

    @property
    def urls(self) -> Mapping[str, str]:
        """The base URL of each service, by its name."""

    def token(self, claims: Mapping[str, object]) -> str:
        """A token that the services accept, with these claims."""


class Teller:
    """Prints the story, with the progress below it."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._task = progress.add_task("", total=STEPS)

    async def step(self, what: str, doing: Awaitable[T]) -> T:
        """Do something, then tell that it was done and how long it took."""
        self._progress.update(self._task, description=what)
        begun = time.perf_counter()
        done = await doing
        self._progress.advance(self._task)
        self._console.print(f"[green]✓[/] {what} [dim]({time.perf_counter() - begun:.2f} s)[/]")
        return done

    def detail(self, text: str) -> None:
        """Tell what came of it."""
        self._console.print(f"    {text}")


def _number(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {(plural or f'{noun}s') if number > 1 else noun}"


def _counts(applied: Json) -> str:
    c = applied["counts"]
    return (
        f"{_number(c['read'], 'élève lu', 'élèves lus')} : {_number(c['active'], 'inscrit')}, "
        f"{_number(c['left'], 'sorti')} ; {_number(c['created'], 'nouveau', 'nouveaux')}, "
        f"{_number(c['updated'], 'modifié')}, {_number(c['deactivated'], 'désactivé')}."
    )


async def _write_records(school: School, pupil: str) -> None:
    for kind, title in RECORDS:
        await school.write_record(pupil, kind, title)


async def story(system: System, teller: Teller) -> tuple[float, list[Json]]:
    """Play it; returns the seconds from the confirmation of the second import to the transfer
    closed, and the records that the new school holds.

    Raises:
        RecordsDidNotMoveError: they are not all there, once.
    """
    urls, sign = system.urls, system.token
    async with School(ORIGIN, urls, sign) as a, School(DESTINATION, urls, sign) as b:
        await _september(teller, a, b)
        seconds = await _january(teller, a, b)
        new, old = (await b.pupil(PUPIL))["id"], (await a.pupil(PUPIL))["id"]
        moved = await teller.step(f"{b.uai} ouvre le dossier de {PUPIL}", b.records(new))
        left = await a.records(old)
    titles = sorted((r["kind"], r["title"], r["origin_uai"]) for r in moved)
    if left or titles != sorted((kind, title, ORIGIN) for kind, title in RECORDS):
        raise RecordsDidNotMoveError(f"{len(moved)} in {DESTINATION}, {len(left)} in {ORIGIN}")
    return seconds, moved


async def _september(teller: Teller, a: School, b: School) -> None:
    for school, name in ((a, "A_import1.xml"), (b, "B_import1.xml")):
        applied = await teller.step(
            f"{school.uai} importe {name}", school.import_file(FILES / name)
        )
        teller.detail(_counts(applied))
    pupil = (await a.pupil(PUPIL))["id"]
    await teller.step(
        f"{a.uai} : {len(RECORDS)} documents écrits pour {PUPIL}", _write_records(a, pupil)
    )
    for school in (a, b):
        await teller.step(f"{school.uai} active les transferts", school.switch(active=True))


async def _january(teller: Teller, a: School, b: School) -> float:
    applied = await teller.step(
        f"{a.uai} importe A_import2_absent.xml", a.import_file(FILES / "A_import2_absent.xml")
    )
    teller.detail(_counts(applied))
    ready = await b.send_file(FILES / "B_import2_arrive.xml")
    begun = time.perf_counter()
    applied = await teller.step(f"{b.uai} importe B_import2_arrive.xml", b.confirm(ready))
    teller.detail(_counts(applied))
    closed = await teller.step("Le transfert est clos", b.closed_transfer())
    counts = ", ".join(_number(n, KINDS[kind]) for kind, n in sorted(closed["counts"].items()))
    teller.detail(f"{closed['other_uai']} → {b.uai} : {counts}")
    return time.perf_counter() - begun


def main() -> None:
    """Play the demonstration from an empty base; exit 1 if the records did not move."""
    play(running_stack(FOLDER, today=TODAY, fresh=True))
    print(f"Journaux et données : {FOLDER.relative_to(TREE)}")


def play(starting: AbstractContextManager[System]) -> None:
    """Start a system with an empty base, play the story, stop it; exit 1 if the records did not
    move.
    """
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console.print("[bold]CPro éducation[/] : démarrage de PostgreSQL, RabbitMQ et des services")
    begun = time.perf_counter()
    try:
        with starting as system:
            console.print(f"[green]✓[/] démarrés [dim]({time.perf_counter() - begun:.1f} s)[/]")
            with Progress(*columns, console=console, transient=True) as progress:
                seconds, moved = asyncio.run(story(system, Teller(console, progress)))
            _conclude(console, seconds, moved)
    except (RecordsDidNotMoveError, UnexpectedAnswerError, TimeoutError) as error:
        console.print(f"[red]✗ Le dossier n'a pas suivi : {error}[/]")
        raise SystemExit(1) from error
    console.print("Tout est arrêté.")


def _conclude(console: Console, seconds: float, moved: list[Json]) -> None:
    table = Table("Document", "Intitulé", "Écrit dans", title=f"Dossier tenu par {DESTINATION}")
    for record in moved:
        table.add_row(KINDS[record["kind"]], record["title"], record["origin_uai"])
    console.print(table)
    console.print(
        f"De la confirmation du second import au transfert clos : [bold]{seconds:.2f} s[/]."
    )
