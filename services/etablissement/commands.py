"""What operations do by command: `schools import | show | republish`, `users grant-admin | list |
end-admin`.

Each works on the database of the service, whether the service runs or not.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from asyncpg import Record
from rich.console import Console
from rich.table import Table
from rich.text import Text
from uuid_utils.compat import uuid7

from services.etablissement import importing
from services.etablissement.directory import UnreadableDirectoryError
from services.etablissement.domain import contact
from services.etablissement.domain.academies import academie_named, departement_of
from services.etablissement.domain.cards import missing
from services.etablissement.registry import By, told
from services.etablissement.store import directory, persons, rights, schools
from shared.clock import Clock
from shared.database import UNAVAILABLE, Database, Transaction
from shared.identifiers import InvalidUai, Uai
from shared.rights import Role
from shared.security import EVERYWHERE
from shared.settings import Settings

T = TypeVar("T")

SHOWN = {
    "name": "nom", "email": "adresse électronique", "address": "adresse", "postcode": "code postal",
    "town": "ville", "academie": "académie", "phone": "téléphone", "nature": "nature",
    "head_name": "direction", "head_function": "fonction", "digest": "bilan quotidien par mail",
    "open": "ouvert", "successor": "successeur", "own": "champs saisis par l'établissement",
    "version": "version",
}  # fmt: skip
COUNTS = {
    "read": "lignes lues", "new": "nouveaux", "changed": "modifiés", "unchanged": "inchangés",
    "refused": "lignes refusées", "left_out_email": "adresses électroniques écartées",
    "left_out_phone": "téléphones écartés", "left_out_postcode": "codes postaux écartés",
}  # fmt: skip
HISTORY = 10
RESTORED = 1_000_000
"""How far versions go up after a restore: above all that was told before the loss."""

schools_app = typer.Typer(no_args_is_help=True, help="Le registre des établissements.")
users_app = typer.Typer(no_args_is_help=True, help="Les personnes et leurs droits.")


def parse_uai(text: str) -> Uai:
    """The UAI of an option or argument."""
    try:
        return Uai.parse(text)
    except InvalidUai as error:
        raise typer.BadParameter(str(error)) from None


def parse_email(text: str) -> str:
    """The address of an option or argument."""
    try:
        return contact.email(text)
    except contact.InvalidContact as error:
        raise typer.BadParameter(str(error)) from None


def parse_academie(text: str) -> str:
    """The académie of an option, in its one spelling."""
    if name := academie_named(text):
        return name
    raise typer.BadParameter("académie inconnue, par exemple Lyon, Créteil, La Réunion")


UaiArgument = Annotated[Uai, typer.Argument(parser=parse_uai, metavar="UAI")]
EmailArgument = Annotated[str, typer.Argument(parser=parse_email, metavar="EMAIL")]
AcademieOption = Annotated[
    str | None,
    typer.Option(parser=parse_academie, metavar="NOM", help="Son académie ; sans : national."),
]


@schools_app.command("import")
def import_directory(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV de l'annuaire.")],
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Appliquer ce qui est annoncé.")] = False,
) -> None:
    """Lit l'annuaire des établissements, dit ce qu'il changerait et, avec --apply, l'applique.

    Aucun établissement n'est fermé ; les champs qu'un établissement a saisis lui-même restent.
    """

    async def work(transaction: Transaction, by: By) -> Record | None:
        import_id = uuid7()
        with file.open("rb") as content:
            await importing.receive(transaction, import_id, content, by)
        found = await directory.one(transaction.connection, import_id)
        if apply:
            await importing.apply(transaction, import_id, by)
        else:
            await directory.drop(transaction.connection, import_id)
        return found

    try:
        found = _run(work)
    except UnreadableDirectoryError as error:
        raise SystemExit(str(error)) from None
    console = Console()
    if found is not None:
        _show_directory(console, found)
    console.print("Annuaire appliqué." if apply else "Rien n'a changé : relancez avec --apply.")


def _show_directory(console: Console, found: Record) -> None:
    table = Table("Établissements", "Nombre")
    for name, label in COUNTS.items():
        if name in found["counts"]:
            table.add_row(label, str(found["counts"][name]))
    console.print(table)
    for one in found["refused"]:
        console.print(f"ligne {one['line']} : {one['reason']}", markup=False)


@schools_app.command("show")
def show_school(uai: UaiArgument) -> None:
    """Montre la fiche d'un établissement, ce qui y manque et ses dernières versions."""

    async def work(transaction: Transaction, _: By) -> tuple[Record | None, Sequence[Record]]:
        connection = transaction.connection
        return await schools.one(connection, uai), await schools.history(
            connection, uai, None, HISTORY
        )

    row, history = _run(work)
    if row is None:
        raise SystemExit(f"{uai} : aucun établissement du registre n'a ce code UAI.")
    _show_school(Console(), row, history)


def _show_school(console: Console, row: Record, history: Sequence[Record]) -> None:
    card = Table(
        "Champ", "Valeur", title=f"{row['uai']} (département {departement_of(row['uai'])})"
    )
    for field, label in SHOWN.items():
        card.add_row(label, Text(_text(row[field])))
    console.print(card)
    lacking = missing(dict(row))
    names = ", ".join(SHOWN[field] for field in lacking)
    console.print(f"Fiche incomplète, manque : {names}" if lacking else "Fiche complète.")
    versions = Table("Version", "Date", "Acte", "Champs", "Auteur")
    for one in history:
        fields = ", ".join(SHOWN.get(field, field) for field in one["changes"])
        day = f"{one['changed_at']:%Y-%m-%d %H:%M}"
        cells = (str(one["version"]), day, one["act"], fields, one["changed_by"])
        versions.add_row(*map(Text, cells))
    console.print(versions)


def _text(value: object) -> str:
    match value:
        case bool():
            return "oui" if value else "non"
        case list():
            return ", ".join(map(str, value))
        case None:
            return "—"
    return str(value)


@schools_app.command("republish")
def republish(
    *,
    restored: Annotated[
        bool, typer.Option("--restored", help="Après une restauration de ce registre.")
    ] = False,
) -> None:
    """Annonce à nouveau tous les établissements, après une restauration ici ou chez un autre."""

    async def work(transaction: Transaction, _: By) -> int:
        if restored:
            await schools.raise_versions(transaction.connection, RESTORED)
        rows = await schools.everyone(transaction.connection)
        transaction.publish(told(dict(row)) for row in rows)
        return len(rows)

    typer.echo(f"{_run(work)} établissements annoncés.")


@users_app.command("grant-admin")
def grant_admin(
    email: EmailArgument,
    *,
    academie: AcademieOption = None,
    support: Annotated[
        bool, typer.Option("--support", help="Assistance, au lieu d'administrateur.")
    ] = False,
) -> None:
    """Donne les droits d'administrateur, national ou d'une académie, à une adresse électronique.

    Ils s'ouvrent quand la personne se connecte avec un compte dont cette adresse est vérifiée.
    """
    role = Role.SUPPORT if support else Role.ACADEMIE if academie else Role.NATIONAL

    async def work(transaction: Transaction, by: By) -> bool:
        connection = transaction.connection
        person = await persons.invited(connection, uuid7(), email, "", "", by.at)
        place, term = (None, academie or EVERYWHERE), (by.at, None)
        return await rights.give(
            connection, uuid7(), person["id"], role, place, term, by.who, by.at
        )

    given = _run(work)
    typer.echo(f"{role} : {'droit donné' if given else 'droit déjà là'}.")


@users_app.command("end-admin")
def end_admin(email: EmailArgument, *, academie: AcademieOption = None) -> None:
    """Met fin aux droits d'administrateur ou d'assistance d'une personne."""
    roles = (Role.ACADEMIE, Role.NATIONAL, Role.SUPPORT)

    async def work(transaction: Transaction, by: By) -> int:
        person = await persons.of_email(transaction.connection, email)
        if person is None:
            return 0
        place = academie or EVERYWHERE
        return await rights.end(
            transaction.connection, person["id"], roles, None, place, by.who, by.at
        )

    ended = _run(work)
    typer.echo(f"{ended} droit(s) terminé(s).")
    if not ended:
        raise typer.Exit(1)


@users_app.command("list")
def list_users(
    uai: Annotated[Uai, typer.Option(parser=parse_uai, metavar="UAI", help="Établissement.")],
) -> None:
    """Liste les utilisateurs d'un établissement et leurs droits."""

    async def work(transaction: Transaction, by: By) -> Sequence[Record]:
        return await rights.of_school(transaction.connection, uai, by.at)

    table = Table("Adresse", "Nom", "Rôle", "Depuis", "Jusqu'à", "Venu")
    for row in _run(work):
        until = f"{row['valid_until']:%Y-%m-%d}" if row["valid_until"] else "—"
        since = f"{row['valid_from']:%Y-%m-%d}"
        cells = (row["email"], row["name"], row["role"], since, until, _text(row["has_come"]))
        table.add_row(*map(Text, cells))
    Console().print(table)


def _run(work: Callable[[Transaction, By], Awaitable[T]]) -> T:
    """Do something in one transaction, in the name of who has called the command."""

    async def run() -> T:
        settings = Settings()
        database = await Database.open(settings.database_url.get_secret_value(), 1)
        by = By(f"exploitation:{getpass.getuser()}", Clock(settings.today).now())
        try:
            async with database.transaction() as transaction:
                return await work(transaction, by)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas : rien n'a été fait.") from None
