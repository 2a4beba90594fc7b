"""« Liste des apprenants transférables [non automatisable] » (guide, situation 2): choose learners,
the school, what was collected; then confirm. Each step is a form with what was chosen before.
"""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError, ServiceDownError
from services.gateway.domain import by_hand, french
from services.gateway.domain.by_hand import Wish
from services.gateway.domain.names import Names
from services.gateway.pages.transfers.overview import divisions
from services.gateway.pages.transfers.reading import (
    PATH,
    SERVICE,
    After,
    Json,
    by_name,
    names_of,
    read,
    whole,
)
from services.gateway.parts import runtime_of
from services.gateway.web.downloads import table
from services.gateway.web.sorting import heading
from services.gateway.web.visit import Visit, posting, visiting
from shared.clock import PARIS
from shared.rights import Action

router = APIRouter(include_in_schema=False)

BY_HAND: Final = f"{PATH}/a-la-main"
LIST: Final = "transferts-a-la-main.html"
Reader = Annotated[Visit, Depends(visiting(Action.SEE_TRANSFERS))]
Writer = Annotated[Visit, Depends(posting(Action.TRANSFER_BY_HAND))]
NAME, DAY = "nom", "depart"
"""What the lists are sorted by, as addresses call it."""
FEW: Final = 2
"""The shortest text that a search of schools takes."""


@router.get(BY_HAND)
async def show(
    visit: Reader,
    after: After = None,
    avec_ine: After = None,
    tri: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The list, those who have an INE apart; and the school's own offers."""
    return await visit.page(LIST, **await _lists(visit, after, avec_ine, tri))


async def _lists(
    visit: Visit, after: UUID | None = None, with_ine: UUID | None = None, tri: str = ""
) -> dict[str, Any]:
    asked = {"oldest_first": tri == DAY or None}
    hand, alone, offers = await asyncio.gather(
        read(visit, "/departures", by_itself=False, after=after, **asked),
        read(visit, "/departures", by_itself=True, after=with_ine, **asked),
        read(visit, "/offers"),
    )
    names = await names_of(visit, (*hand["departures"], *alone["departures"], *offers["offers"]))
    return {
        **_sorted(hand, names, tri, "by_hand", complete=not (after or hand["next"])),
        **_sorted(alone, names, tri, "alone", complete=not (with_ine or alone["next"])),
        "more_by_hand": hand["next"], "more_alone": alone["next"], "tri": tri,
        "offers": offers["offers"], "more_offers": offers["next"], "names": names,
        "divisions": divisions(hand["departures"], names), "at_once": by_hand.AT_ONCE,
        "may_offer": visit.may(Action.TRANSFER_BY_HAND), "first": not (after or with_ine),
    }  # fmt: skip


def _sorted(page: Json, names: Names, tri: str, key: str, *, complete: bool) -> dict[str, Any]:
    """The lines of a list under `key`, and its headings. `transfer` sorts by day and knows no name:
    by name only a list that stands `complete` on its page is sorted.
    """
    by = _order(tri, complete=complete)
    rows = page["departures"]
    if by.removeprefix("-") == NAME:
        rows = by_name(rows, names, reverse=by.startswith("-"))
    name = heading("Apprenant", NAME, by, BY_HAND) if complete else "Apprenant"
    headings = [name, heading("Parti le", DAY, by, BY_HAND), "Où en est-on"]
    return {key: rows, f"{key}_headings": headings}


def _order(tri: str, *, complete: bool) -> str:
    """What is wanted, if it can be; else by name, or the last departures first."""
    names = (NAME, f"-{NAME}") if complete else ()
    if tri in (DAY, f"-{DAY}", *names):
        return tri
    return NAME if complete else f"-{DAY}"


@router.get(f"{BY_HAND}.csv")
async def download_list(visit: Reader) -> Response:
    """All who are to be transferred by hand, as a table."""
    rows = await whole(visit, "/departures", "departures", "after", by_itself=False)
    names = await names_of(visit, rows)
    headings = ("Apprenant", "Classe", "Parti le", "INE", "Où en est-on")
    lines = [
        (
            names.learner(one["pupil_id"]), names.division(one["pupil_id"]),
            french.day(one["since"]), "oui" if one["has_ine"] else "non", one["status"]["text"],
        )
        for one in by_name(rows, names)
    ]  # fmt: skip
    return table("apprenants-transferables.csv", headings, lines)


@router.post(f"{BY_HAND}/etablissement")
async def choose_school(visit: Writer) -> Response:
    """Step 2: where the learners go. Begins with those that were ticked, or with a class."""
    wish = await _wish(visit)
    if not wish.pupils:
        wrong = {"choisi": "cochez au moins un apprenant, ou choisissez une classe"}
        return await visit.page(LIST, 422, errors=wrong, **await _lists(visit))
    return await _school_page(visit, wish)


async def _school_page(
    visit: Visit, wish: Wish, wrong: dict[str, str] | None = None, status: int = 200
) -> Response:
    text, found = visit.text("texte"), []
    if len(text) >= FEW:
        told = await visit.calls.search("etablissement", "/schools/search", {"text": text})
        found = [one for one in told.json if one["uai"] != visit.uai]
    elif text:
        wrong, status = {"texte": "écrivez au moins deux lettres"}, 422
    names = await visit.names(learners=wish.pupils)
    return await visit.page(
        "transferts-etablissement.html", status,
        wish=wish, names=names, text=text, found=found, errors=wrong or {},
    )  # fmt: skip


@router.post(f"{BY_HAND}/autorisation")
async def ask_authorisation(visit: Writer) -> Response:
    """Step 3: from whom the authorisation was collected, when, and where the paper is."""
    wish = await _wish(visit)
    if not wish.uai:
        return await _school_page(visit, wish, {"uai": "choisissez un établissement"}, 422)
    return await _authorisation_page(visit, wish)


async def _authorisation_page(
    visit: Visit, wish: Wish, wrong: dict[str, str] | None = None, status: int = 200
) -> Response:
    return await visit.page(
        "transferts-autorisation.html", status,
        wish=wish, names=await _names(visit, wish), errors=wrong or {},
    )  # fmt: skip


@router.post(f"{BY_HAND}/verification")
async def confirm(visit: Writer) -> Response:
    """Step 4: what will be done, in words, with the count."""
    wish, today = await _wish(visit), runtime_of(visit.request).clock.today(PARIS)
    if wrong := wish.missing(today):
        return await _authorisation_page(visit, wish, wrong, 422)
    names = await _names(visit, wish)
    _must_answer(names)  # a minor must not be taken for of age
    young = by_hand.minors(names.learners.values(), today)
    alone = young if wish.collected_from == "apprenant" else []
    return await visit.page("transferts-verification.html", wish=wish, names=names, alone=alone)


@router.post(BY_HAND)
async def offer(visit: Writer) -> Response:
    """Offer them, all or none."""
    wish = await _wish(visit)
    path = f"{visit.school}/offers"
    try:
        await visit.calls.create(SERVICE, path, wish.offers(), key=visit.text("key"))
    except RefusedError as error:
        return await _refused(visit, wish, error)
    told = french.count(len(wish.pupils), "proposition est envoyée", "propositions sont envoyées")
    return await visit.redirect(BY_HAND, f"{told} : l’établissement d’accueil doit répondre.")


async def _refused(visit: Visit, wish: Wish, error: RefusedError) -> Response:
    wrong, people = by_hand.refused(error.fields, wish.pupils)
    error.fields = wrong
    names = await _names(visit, wish)
    return await visit.refused(
        "transferts-autorisation.html", error, wish=wish, names=names, people=people
    )


@router.post(f"{BY_HAND}/{{transfer_id}}/retrait")
async def withdraw(visit: Writer, transfer_id: UUID) -> Response:
    """Take an own offer back."""
    await visit.calls.change(SERVICE, "DELETE", f"{visit.school}/offers/{transfer_id}")
    return await visit.redirect(BY_HAND, "La proposition est retirée, avec son autorisation.")


@router.post(f"{BY_HAND}/{{transfer_id}}/maintien")
async def keep(visit: Writer, transfer_id: UUID) -> Response:
    """Keep an own offer although an import has found the learner elsewhere."""
    await visit.calls.change(SERVICE, "POST", f"{visit.school}/offers/{transfer_id}/keeping")
    return await visit.redirect(BY_HAND, "La proposition est maintenue.")


async def _wish(visit: Visit) -> Wish:
    """What the form holds so far; a class stands for its learners of the list."""
    form = visit.form
    chosen = by_hand.pupils_of(form.getlist("choisi") if form is not None else ())
    if division := visit.text("classe"):
        rows = await whole(visit, "/departures", "departures", "after", by_itself=False)
        names = await names_of(visit, rows)
        _must_answer(names)
        of_class = [
            one["pupil_id"]
            for one in rows
            if names.division(one["pupil_id"]) == division and one["offer"] is None
        ]
        chosen = by_hand.pupils_of([*chosen, *of_class])
    fields = ("uai", "de_qui", "date", "reference")
    return Wish(chosen, *(visit.text(name) for name in fields))


async def _names(visit: Visit, wish: Wish) -> Names:
    return await visit.names(learners=wish.pupils, schools=[wish.uai])


def _must_answer(names: Names) -> None:
    """Go on only with what `siecle_import` knows of the learners.

    Raises:
        ServiceDownError
    """
    if "siecle_import" in names.away:
        raise ServiceDownError("siecle_import")
