"""`python -m services.transfer explain`: why a dossier has not arrived, for operations.

It prints no identity. An INE comes by standard input, so that it stands in no history of commands;
`siecle_import` makes its match keys and keeps nothing.
"""

import asyncio
import base64
import binascii
import getpass
import sys
from typing import Annotated
from uuid import UUID

import httpx
import typer
from rich.console import Console

from services.transfer.domain.explaining import Answer, WhyAsked, explain_unknown
from services.transfer.explaining import explain as explained
from services.transfer.settings import TransferSettings
from services.transfer.store import explaining as store
from services.transfer.store import people
from services.transfer.store.people import Act
from shared.database import UNAVAILABLE, Database
from shared.identifiers import InvalidUai, Uai
from shared.signing import NoSigningKeyError, Signer

ACTORS = {
    "origin": "l'établissement d'origine",
    "destination": "l'établissement d'accueil",
    "both": "les deux établissements",
    "nobody": "personne",
}


class NoKeysError(Exception):
    """`siecle_import` can't be asked for the keys of an INE; the message says why."""


def _uai(text: str) -> Uai:
    try:
        return Uai.parse(text)
    except InvalidUai as error:
        raise typer.BadParameter(str(error)) from None


def explain(
    *,
    to: Annotated[Uai, typer.Option(parser=_uai, metavar="UAI", help="Établissement d'accueil.")],
    because: Annotated[WhyAsked, typer.Option(help="Pourquoi la question est posée (tracé).")],
    pupil: Annotated[
        UUID | None, typer.Option(help="Identifiant de l'apprenant dans cet établissement.")
    ] = None,
    ine_stdin: Annotated[
        bool, typer.Option("--ine-stdin", help="Lire l'INE sur l'entrée standard.")
    ] = False,
) -> None:
    """Dit pourquoi un dossier n'est pas arrivé : la première cause, et qui doit agir."""
    if (pupil is None) != ine_stdin:
        raise typer.BadParameter("donnez soit --pupil, soit --ine-stdin")
    ine = sys.stdin.readline().strip() if ine_stdin else None
    try:
        answer = asyncio.run(_explain(to, pupil, ine, because))
    except NoKeysError as error:
        raise SystemExit(str(error)) from None
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    _print(Console(), answer)


async def _explain(to: Uai, pupil: UUID | None, ine: str | None, because: WhyAsked) -> Answer:
    settings = TransferSettings()
    keys = [] if ine is None else await _keys(settings, ine)
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        async with database.transaction() as transaction:
            connection = transaction.connection
            found = pupil or await store.learner_with(connection, to, keys)
            who = f"exploitation:{getpass.getuser()}"
            await people.note(connection, [Act(to, who, "explained", because, pupil_id=found)])
            if found is None:
                return explain_unknown()
            return await explained(connection, settings, to, found)
    finally:
        await database.close()


async def _keys(settings: TransferSettings, ine: str) -> list[bytes]:
    if settings.siecle_import_url is None:
        raise NoKeysError("Indiquez CPRO_SIECLE_IMPORT_URL : siecle_import fait les clés d'un INE.")
    try:
        async with Signer.from_settings(settings).client(settings.siecle_import_url) as client:
            answer = await client.post("/pupils/match-keys", json={"ine": ine})
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise NoKeysError("INE attendu : 11 caractères, chiffres puis lettres.")
        answer.raise_for_status()
        return [base64.b64decode(key) for key in answer.json()["ine_keys"]]
    except NoSigningKeyError:
        raise NoKeysError("Indiquez CPRO_SIGNING_KEY_FILE : la clé de ce service.") from None
    except (httpx.HTTPError, KeyError, ValueError, binascii.Error):
        raise NoKeysError("siecle_import ne répond pas comme attendu.") from None


def _print(console: Console, answer: Answer) -> None:
    console.print(f"{answer.text}", markup=False)
    since = f", depuis le {answer.since:%d/%m/%Y %H:%M} UTC" if answer.since else ""
    console.print(f"Cause : {answer.code} ; doit agir : {ACTORS[answer.who]}{since}.", markup=False)
    if answer.others:
        console.print(f"Établissements concernés : {', '.join(answer.others)}.", markup=False)
    if answer.asked:
        console.print(f"Demandé {answer.asked} fois (file dossier.events).", markup=False)
    for one in answer.parked:
        console.print(
            f"En attente dans {one.service} : {one.event_id}, {one.attempts} essais, {one.error}.",
            markup=False,
        )
