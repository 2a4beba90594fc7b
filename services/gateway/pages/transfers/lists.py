"""The lists of « Transferts » that are only read: what follows by itself, what moved, who has no
INE, what is to be followed up; and their downloads.
"""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.domain import drawing, french
from services.gateway.domain import transfers as words
from services.gateway.domain.names import Names, full_name
from services.gateway.pages.transfers.reading import (
    PATH,
    After,
    Json,
    by_name,
    names_of,
    read,
    whole,
)
from services.gateway.web.downloads import table
from services.gateway.web.visit import Visit, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

Reader = Annotated[Visit, Depends(visiting(Action.SEE_TRANSFERS))]
PARTNERS: Final = 12
"""How many schools the picture shows; the table behind has all."""

WITHOUT_INE: Final = {"without_ine": True}


@router.get(f"{PATH}/automatiques")
async def show_automatic(visit: Reader, after: After = None) -> Response:
    """The learners who left or arrived and whose records follow by themselves."""
    leaving, arrivals = await asyncio.gather(
        read(visit, "/departures", by_itself=True, after=after), read(visit, "/arrivals")
    )
    names = await names_of(visit, (*leaving["departures"], *arrivals))
    return await visit.page(
        "transferts-automatiques.html",
        leaving=by_name(leaving["departures"], names), next=leaving["next"], after=after,
        arrivals=by_name(arrivals, names), names=names,
    )  # fmt: skip


@router.get(f"{PATH}/automatiques.csv")
async def download_automatic(visit: Reader) -> Response:
    """The same as a table."""
    leaving, arrivals = await asyncio.gather(
        whole(visit, "/departures", "departures", "after", by_itself=True),
        read(visit, "/arrivals"),
    )
    names = await names_of(visit, (*leaving, *arrivals))
    rows = [
        *(_line("départ", "origin", row, row["schools"], names) for row in leaving),
        *(_line("arrivée", "destination", row, [row["from_uai"]], names) for row in arrivals),
    ]
    headings = (
        "Sens", "Apprenant", "Classe", "Autre établissement", "Où en est-on", "Qui doit agir",
        "Depuis",
    )  # fmt: skip
    return table("transferts-automatiques.csv", headings, rows)


def _line(what: str, side: str, row: Json, schools: list[str], names: Names) -> tuple[str, ...]:
    status, pupil = row["status"], row["pupil_id"]
    return (
        what, names.learner(pupil), names.division(pupil), " ".join(schools), status["text"],
        words.who_acts(status["who"], side), french.day(status["since"]),
    )  # fmt: skip


@router.get(f"{PATH}/historique")
async def show_moved(visit: Reader, before: UUID | None = None, *, tout: bool = False) -> Response:
    """Received and sent: every transfer with its dates and state; what moved, as pictures."""
    page, figures = await asyncio.gather(
        read(visit, "/transfers", before=before, without_data=tout or None),
        read(visit, "/transfers/moved"),
    )
    names = await names_of(visit, (*page["transfers"], *figures["schools"]))
    weeks = drawing.weeks(figures["weeks"])
    return await visit.page(
        "transferts-historique.html",
        transfers=page["transfers"], next=page["next"], before=before, everything=tout,
        names=names, weeks=weeks, columns=drawing.columns(weeks), schools=figures["schools"],
        flows=drawing.flows(figures["schools"][:PARTNERS]), since=figures["since"],
    )  # fmt: skip


@router.get(f"{PATH}/historique.csv")
async def download_moved(visit: Reader) -> Response:
    """The same as a table."""
    transfers = await whole(visit, "/transfers", "transfers", "before", without_data=True)
    names = await names_of(visit, transfers)
    headings = (
        "Sens", "Manière", "État", "Apprenant", "UAI de l’autre établissement",
        "Autre établissement", "Demandé le", "Réponse le", "Contenu",
    )  # fmt: skip
    return table("transferts.csv", headings, (_transfer(one, names) for one in transfers))


def _transfer(one: Json, names: Names) -> tuple[str, ...]:
    return (
        words.DIRECTIONS[one["direction"]], words.KINDS[one["kind"]], words.STATES[one["state"]][0],
        names.learner(one["pupil_id"]), one["other_uai"], names.school(one["other_uai"]),
        french.day(one["requested_at"]), french.day(one["answered_at"]),
        words.records(one["counts"]),
    )  # fmt: skip


@router.get(f"{PATH}/sans-ine")
async def show_without_ine(
    visit: Annotated[Visit, Depends(visiting(Action.READ_PUPILS))], after: After = None
) -> Response:
    """The learners without INE, who can't follow by themselves, with what to do."""
    asked = WITHOUT_INE | ({"after": str(after)} if after else {})
    page = await visit.calls.search("siecle_import", f"{visit.school}/pupils/search", asked)
    return await visit.page(
        "transferts-sans-ine.html",
        pupils=page.json["pupils"], next=page.json["next"], after=after, full_name=full_name,
    )  # fmt: skip


@router.get(f"{PATH}/a-suivre")
async def show_to_follow(visit: Reader) -> Response:
    """Nobody is forgotten: « sans suite », « dossier attendu », and transfers in doubt."""
    left, expected, doubtful = await asyncio.gather(
        read(visit, "/departures/without-sequel"),
        read(visit, "/arrivals/expected"),
        read(visit, "/transfers/doubtful"),
    )
    rows: list[Any] = [
        *left["departures"], *left["end_of_course"], *expected["expected"], *doubtful,
    ]  # fmt: skip
    return await visit.page(
        "transferts-a-suivre.html",
        left=left, expected=expected, doubtful=doubtful, names=await names_of(visit, rows),
    )  # fmt: skip
