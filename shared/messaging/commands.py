"""`python -m services.<name> parked list | show | resend | discard`: for operations.

They work on the database of the service, whether it runs or not, and never print what may tell of a
person.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from asyncpg import Record

from shared.database import Connection, Database
from shared.messaging import parked
from shared.settings import Settings

T = TypeVar("T")
Ids = Annotated[list[UUID], typer.Argument(help="Les événements, par leur identifiant.")]
Reason = Annotated[str, typer.Option(help="Pourquoi ; sans nom : c'est gardé trois ans.")]
By = Annotated[
    str, typer.Option("--by", default_factory=getpass.getuser, help="Qui donne cette commande.")
]


app = typer.Typer(no_args_is_help=True, help="Événements mis de côté et lettres mortes.")


@app.command("list")
def list_events() -> None:
    """Tous, du plus ancien au plus récent."""
    for row in _in_base(parked.found):
        typer.echo("\t".join(_told(row)))


@app.command()
def show(event: Annotated[UUID, typer.Argument(help="Son identifiant.")]) -> None:
    """Un seul : pourquoi il est là, et de quoi il parle."""
    for row in _in_base(parked.found):
        if row["event_id"] == event:
            return typer.echo("\n".join(_told(row)))
    raise SystemExit("Événement inconnu.")


@app.command()
def resend(events: Ids) -> None:
    """Les essaie encore une fois, tout de suite ; le service doit être en marche."""
    _each(events, parked.resend)


@app.command()
def discard(events: Ids, *, reason: Reason, by: By) -> None:
    """Les abandonne : ils n'auront aucun effet. Il en reste une trace."""
    if not reason.strip():
        raise SystemExit("Dites pourquoi : « --reason ».")
    _each(events, partial(parked.discard, reason=reason, by=by))


def _told(row: Record) -> Iterator[str]:
    """What is printed of a parked event."""
    yield str(row["event_id"])
    yield f"mis de côté le {row['parked_at']:%F à %T}, {row['error']}, essais : {row['attempts']}"
    yield f"prochain essai : {row['next_try']:%F %T}" if row["next_try"] else "attend une personne"
    for name, value in parked.subject_of(row["envelope"]).items():
        yield f"{name} : {value}"


def _each(events: Sequence[UUID], act: Callable[[Connection, UUID], Awaitable[bool]]) -> None:
    async def work(connection: Connection) -> list[UUID]:
        return [event for event in events if not await act(connection, event)]

    if unknown := _in_base(work):
        raise SystemExit(f"Inconnus : {', '.join(map(str, unknown))} ; les autres : fait.")


def _in_base(work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something in one transaction of the service's database."""

    async def run() -> T:
        database = await Database.open(Settings().database_url.get_secret_value(), 2)
        try:
            async with database.transaction() as transaction:
                return await work(transaction.connection)
        finally:
            await database.close()

    return asyncio.run(run())
