"""`python -m services.notifier preview | resend | suppress | hold`: for operations.

They work on the database of the service, whether the service runs or not; who gave them is kept
with what they changed.
"""

import asyncio
import datetime as dt
import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from services.notifier.domain.mails import Kind
from services.notifier.domain.schedule import day_due, week_due
from services.notifier.domain.text import PARIS, is_address
from services.notifier.rendering import render
from services.notifier.rounds import DIGEST, TO_DO
from services.notifier.samples import SAMPLES
from services.notifier.settings import NotifierSettings
from services.notifier.store import digests, rounds, suppressions
from shared.clock import Clock
from shared.database import Connection, Database

T = TypeVar("T")
By = Annotated[
    str, typer.Option("--by", default_factory=getpass.getuser, help="Qui donne cette commande.")
]


def preview(kind: Annotated[Kind, typer.Argument(help="Le message à montrer.")]) -> None:
    """Montre un message, en texte et en HTML, avec des données d'exemple."""
    for title, content in SAMPLES[kind].items():
        text, html = render(
            kind, content, name="Aymerick Dupré", console_url="https://cpro.example", replies=True
        )
        typer.echo(f"=== {title}\n\n{text}\n{html}")


def resend(
    mail: Annotated[UUID | None, typer.Argument(help="Le message, par son identifiant.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Tous ceux en échec.")] = False,
    since: Annotated[
        dt.datetime | None, typer.Option(help="En échec depuis ce moment (heure de Paris).")
    ] = None,
    by: By,
) -> None:
    """Envoie à nouveau un message en échec, ou tous ceux en échec depuis un moment."""
    if (mail is None) != failed or failed != (since is not None):
        raise SystemExit("Indiquez un identifiant, ou --failed avec --since.")
    moment = since.replace(tzinfo=PARIS) if since is not None else None

    async def work(connection: Connection) -> int:
        return await suppressions.resend(connection, by, mail=mail, failed_since=moment)

    queued = _in_base(work)
    if not queued:
        raise SystemExit("Aucun message à renvoyer : inconnu, déjà envoyé ou sans objet.")
    typer.echo(f"Messages remis en file d'attente : {queued}")


def suppress(
    address: Annotated[str, typer.Argument(help="L'adresse électronique.")],
    *,
    lift: Annotated[bool, typer.Option("--lift", help="Autorise de nouveau les envois.")] = False,
    reason: Annotated[str, typer.Option(max=200, help="Pourquoi.")] = "demande",
    by: By,
) -> None:
    """N'envoie plus rien à une adresse, ou de nouveau (--lift)."""
    if not is_address(address):
        raise SystemExit("Ce n'est pas une adresse électronique.")

    async def work(connection: Connection) -> str:
        if not lift:
            stopped = await suppressions.suppress(connection, address, reason, by)
            return f"Plus rien ne part vers cette adresse ; messages arrêtés : {stopped}"
        if not await suppressions.lift(connection, address, by):
            raise SystemExit("Rien n'était arrêté pour cette adresse.")
        return "Les envois vers cette adresse reprennent."

    typer.echo(_in_base(work))


def hold(*, by: By) -> None:
    """Après une restauration : retient ce qui attendait, et qui est peut-être déjà parti."""
    now = Clock(NotifierSettings().today).now()

    async def work(connection: Connection) -> int:
        await digests.pass_over(connection)
        if week := week_due(now):
            await rounds.end(connection, TO_DO, week)
        if day := day_due(now):
            await rounds.end(connection, DIGEST, day.isoformat())
        return await suppressions.hold(connection, by)

    held = _in_base(work)
    typer.echo(f"Messages retenus, à renvoyer par « resend » s'ils manquent : {held}")


def _in_base(work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something in one transaction of the service's database."""

    async def run() -> T:
        url = NotifierSettings().database_url.get_secret_value()
        database = await Database.open(url, 2)
        try:
            async with database.transaction() as transaction:
                return await work(transaction.connection)
        finally:
            await database.close()

    return asyncio.run(run())
