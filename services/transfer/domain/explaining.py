"""« Pourquoi ce dossier n'est-il pas arrivé ? »: the first true cause, who acts, what to do.

The question is about one learner of the receiving school. What his old schools have in common with
him is his INE; how each departure stands is what the rule says of it (`deciding`), in the words of
the status line.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from services.transfer.domain.deciding import Decision
from services.transfer.domain.status import Who, status_of
from shared.identifiers import Uai


class Cause(StrEnum):
    """Causes beside the missing conditions of the rule (`deciding.Condition`)."""

    UNKNOWN_HERE = "unknown-here"
    NO_INE = "no-ine"
    NOT_FROM_SIECLE = "not-from-siecle"
    NEVER_DECLARED = "never-declared"
    STILL_ACTIVE = "still-active"
    NOT_HERE_ANY_MORE = "not-here-any-more"
    OFFERED = "offered"
    ON_ITS_WAY = "on-its-way"
    PARKED = "parked"
    MOVED = "moved"
    MOVED_ELSEWHERE = "moved-elsewhere"
    NOTHING_TO_MOVE = "nothing-to-move"
    WENT_BACK = "went-back"
    REVERSED = "reversed"


class WhyAsked(StrEnum):
    """Why someone from outside the school asks; it goes into the trail."""

    SCHOOL = "school-request"
    FAMILY = "family-request"
    INCIDENT = "incident"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Passed:
    """The newest transfer of a departure, or towards a learner."""

    transfer_id: UUID
    state: str
    uai: Uai
    moment: dt.datetime
    here: bool
    nothing: bool
    asked: int
    refused_because: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """A learner of another school who has an INE in common with the one asked about."""

    uai: Uai
    active: bool
    since: dt.datetime
    transfer: Passed | None


@dataclass(frozen=True, slots=True)
class Parked:
    """An event about the matter that a service could not handle."""

    event_id: UUID
    service: str
    attempts: int
    error: str
    waits_for_person: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the learner asked about; `decisions` are those that could bring him a
    dossier, `received` the newest transfer towards him.
    """

    since: dt.datetime
    active: bool
    has_ine: bool
    from_siecle: bool
    received: Passed | None
    related: Sequence[Related]
    decisions: Sequence[Decision]
    parked: Sequence[Parked]


@dataclass(frozen=True, slots=True)
class Answer:
    """The first true cause (`code`: a `Cause` or a `Condition`), in words for staff.

    `others` are the schools in question beside the one that asks; `asked` how often `dossier` was
    asked; `parked` what waits there or here.
    """

    code: str
    who: Who
    since: dt.datetime | None
    text: str
    others: tuple[Uai, ...] = ()
    asked: int = 0
    parked: tuple[Parked, ...] = ()


_LINES = {
    Cause.UNKNOWN_HERE: (
        Who.DESTINATION,
        "Cet apprenant n'est pas dans la base de l'établissement d'accueil : importez SIECLE, ou "
        "ajoutez-le.",
    ),
    Cause.NO_INE: (
        Who.DESTINATION,
        "L'apprenant n'a pas d'INE ici : complétez l'INE dans SIECLE puis importez, ou demandez à "
        "l'établissement d'origine un transfert à la main.",
    ),
    Cause.NOT_FROM_SIECLE: (
        Who.ORIGIN,
        "L'apprenant ne vient pas de SIECLE : l'établissement d'origine doit transférer son "
        "dossier à la main.",
    ),
    Cause.NOT_HERE_ANY_MORE: (
        Who.DESTINATION,
        "L'apprenant n'est plus inscrit ici : aucun dossier ne vient vers un établissement qu'il a "
        "quitté.",
    ),
    Cause.NEVER_DECLARED: (
        Who.ORIGIN,
        "Aucun autre établissement utilisant CPro éducation n'a déclaré cet apprenant : vérifiez "
        "son INE ; s'il vient d'un établissement qui ne l'utilise pas, il n'y a rien à attendre.",
    ),
    Cause.STILL_ACTIVE: (
        Who.ORIGIN,
        "L'apprenant est encore inscrit dans l'établissement d'origine : celui-ci doit importer "
        "SIECLE.",
    ),
    Cause.OFFERED: (
        Who.DESTINATION,
        "Un transfert à la main est proposé à votre établissement : acceptez-le ou refusez-le.",
    ),
    Cause.ON_ITS_WAY: (
        Who.NOBODY,
        "Le transfert est en cours : c'est une affaire de secondes. S'il dure, prévenez "
        "l'assistance.",
    ),
    Cause.PARKED: (
        Who.NOBODY,
        "Un traitement a échoué et va être repris : prévenez l'assistance avec le numéro indiqué.",
    ),
    Cause.MOVED: (Who.NOBODY, "Le dossier est arrivé."),
    Cause.MOVED_ELSEWHERE: (
        Who.BOTH,
        "Le dossier a été transmis à un autre établissement : c'est à lui d'annuler son transfert "
        "si l'apprenant n'y est pas.",
    ),
    Cause.NOTHING_TO_MOVE: (
        Who.NOBODY,
        "Le transfert a eu lieu et l'établissement d'origine n'avait aucune donnée à transmettre.",
    ),
    Cause.WENT_BACK: (
        Who.NOBODY,
        "L'apprenant était revenu dans son établissement d'origine : son dossier y est resté.",
    ),
    Cause.REVERSED: (
        Who.BOTH,
        "Le transfert a été annulé : le dossier est reparti vers l'établissement d'origine.",
    ),
}


def explain_unknown(parked: tuple[Parked, ...] = ()) -> Answer:
    """The answer about someone whom the school does not have, as far as `transfer` has heard."""
    return _answer(Cause.PARKED if parked else Cause.UNKNOWN_HERE, None, parked=parked)


def explain(facts: Facts) -> Answer:
    """The first true cause, in the order in which a person would look."""
    return next(_causes(facts))


def for_the_school(answer: Answer) -> Answer:
    """The answer as the receiving school reads it: a school that has no part in the transfer is not
    named (it would learn where the learner is).
    """
    return replace(answer, others=()) if answer.code in _OF_OTHERS else answer


_OF_OTHERS = frozenset({Cause.STILL_ACTIVE, Cause.MOVED_ELSEWHERE})


def _causes(facts: Facts) -> Iterator[Answer]:
    if facts.parked:
        yield _answer(Cause.PARKED, None, parked=tuple(facts.parked))
    yield from _waiting(facts)
    if facts.received is not None:
        yield _received(facts.received)
    yield from _offered(facts)
    if not facts.active:
        yield _answer(Cause.NOT_HERE_ANY_MORE, facts.since)
    if not facts.has_ine:
        yield _answer(Cause.NO_INE, facts.since)
    if not facts.from_siecle:
        yield _answer(Cause.NOT_FROM_SIECLE, facts.since)
    yield from _elsewhere(facts)
    yield _answer(Cause.NEVER_DECLARED, facts.since)


def _waiting(facts: Facts) -> Iterator[Answer]:
    """A departure that waits comes before what has arrived from another school already."""
    for decision in facts.decisions:
        line = status_of(decision)
        if decision.missing is not None and decision.departure.request is None:
            yield Answer(line.code, line.who, line.since, line.text, (decision.departure.uai,))
        elif facts.received is None or facts.received.state != "requested":
            others = (decision.departure.uai,)
            yield _answer(Cause.ON_ITS_WAY, line.since, others, asked=1)


def _received(passed: Passed) -> Answer:
    if passed.state == "requested":
        cause = Cause.ON_ITS_WAY
    elif passed.state == "reversed":
        cause = Cause.REVERSED
    else:
        cause = Cause.NOTHING_TO_MOVE if passed.nothing else Cause.MOVED
    asked = passed.asked if cause == Cause.ON_ITS_WAY else 0
    return _answer(cause, passed.moment, (passed.uai,), asked=asked)


def _offered(facts: Facts) -> Iterator[Answer]:
    for one in facts.related:
        if one.transfer is not None and one.transfer.state == "offered" and one.transfer.here:
            yield _answer(Cause.OFFERED, one.transfer.moment, (one.uai,))


def _elsewhere(facts: Facts) -> Iterator[Answer]:
    """What the other schools say of the person: gone on to a third, back, or still there."""
    for one in facts.related:
        passed = one.transfer
        if passed is None or one.active:
            continue
        if passed.state == "closed" and not passed.here:
            yield _answer(Cause.MOVED_ELSEWHERE, passed.moment, (passed.uai,))
        elif passed.refused_because == "returned":
            yield _answer(Cause.WENT_BACK, passed.moment, (one.uai,))
    for one in facts.related:
        if one.active:
            yield _answer(Cause.STILL_ACTIVE, one.since, (one.uai,))


def _answer(
    cause: Cause,
    since: dt.datetime | None,
    others: tuple[Uai, ...] = (),
    *,
    asked: int = 0,
    parked: tuple[Parked, ...] = (),
) -> Answer:
    who, text = _LINES[cause]
    return Answer(cause, who, since, text, others, asked, parked)
