"""The line that both schools read about a departure: what is missing, who must act, since when."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from services.transfer.domain.deciding import TO_REVIEW, Arrival, Condition, Decision


class Who(StrEnum):
    """Who must act for a dossier to move on."""

    ORIGIN = "origin"
    DESTINATION = "destination"
    BOTH = "both"
    NOBODY = "nobody"


class State(StrEnum):
    """Where a departure is while it is no transfer yet."""

    WAITING = "waiting"
    TO_REVIEW = "to_review"
    UNDER_WAY = "under_way"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Status:
    """The first missing condition (`code`), in words for staff; `others` are the schools in
    question beside that of origin.
    """

    state: State
    code: str
    who: Who
    since: dt.datetime
    text: str
    others: tuple[str, ...] = ()


_LINES = {
    Condition.ACTIVE_AT_ORIGIN: (
        Who.ORIGIN,
        "L'apprenant est encore inscrit dans l'établissement d'origine : celui-ci doit importer "
        "SIECLE.",
    ),
    Condition.KEY_ROTATION: (
        Who.NOBODY,
        "Les clés de rapprochement sont en cours de renouvellement : le transfert reprendra seul.",
    ),
    Condition.NO_ARRIVAL: (
        Who.DESTINATION,
        "Aucun établissement n'a encore importé cet apprenant : le dossier partira dès l'import de "
        "son nouvel établissement.",
    ),
    Condition.DESTINATION_IMPORT: (
        Who.DESTINATION,
        "L'établissement d'accueil doit faire un nouvel import SIECLE : sa liste est antérieure.",
    ),
    Condition.HELD: (
        Who.BOTH,
        "Ce transfert a été annulé : rien ne repart vers cet établissement tant que l'un des deux "
        "n'a pas levé l'interdiction.",
    ),
    Condition.SEVERAL_ARRIVALS: (
        Who.BOTH,
        "L'apprenant est inscrit dans plusieurs établissements : chacun doit dire si c'est bien "
        "lui.",
    ),
    Condition.BIRTH_DIFFERS: (
        Who.BOTH,
        "Même INE, mais la date de naissance diffère ou manque : les deux établissements doivent "
        "donner leur avis.",
    ),
    Condition.OPPOSITION: (
        Who.NOBODY,
        "Une opposition de l'apprenant ou de sa famille est enregistrée : rien ne part.",
    ),
    Condition.ORIGIN_SWITCH: (
        Who.ORIGIN,
        "L'établissement d'origine doit activer le transfert.",
    ),
    Condition.DESTINATION_SWITCH: (
        Who.DESTINATION,
        "L'établissement d'accueil doit activer le transfert.",
    ),
    Condition.OFFERED: (
        Who.ORIGIN,
        "Proposé à la main, et retrouvé depuis par l'import d'un établissement : l'établissement "
        "d'origine doit retirer sa proposition ou la maintenir.",
    ),
    Condition.OTHER_REQUEST: (
        Who.NOBODY,
        "Un autre transfert de cet apprenant est en cours : celui-ci suivra.",
    ),
}

NO_INE = (
    "no-ine",
    "Sans INE, le dossier ne peut pas suivre seul : complétez l'INE dans SIECLE puis importez, ou "
    "transférez-le à la main.",
)
NOT_FROM_SIECLE = (
    "not-from-siecle",
    "L'apprenant ne vient pas de SIECLE : son dossier se transfère à la main.",
)
SET_ASIDE = (
    "set-aside",
    "Les clés de rapprochement de cet apprenant n'ont pas été renouvelées : prévenez l'assistance.",
)
OFFER_WAITS = (
    "offered",
    "Proposé à la main : l'établissement d'accueil doit accepter ou refuser.",
)


def status_of(decision: Decision) -> Status:
    """The status of a departure, from what the rule says of it."""
    departure = decision.departure
    claims = decision.claims
    others = tuple(dict.fromkeys(claim.uai for claim in claims))
    since = max([departure.since, *(claim.since for claim in claims if claim.since)])
    if departure.request is not None or decision.missing is None:
        text = "Le transfert est en cours."
        return Status(State.UNDER_WAY, "requested", Who.NOBODY, since, text, others)
    who, text = _LINES[decision.missing]
    state = State.TO_REVIEW if decision.missing in TO_REVIEW else State.WAITING
    since = _since(decision, since, claims)
    return Status(state, decision.missing, who, since, text, others)


def _since(decision: Decision, since: dt.datetime, claims: tuple[Arrival, ...]) -> dt.datetime:
    """A switch put off later than the rest was there is what the dossier waits for since then."""
    switched = None
    if decision.missing == Condition.ORIGIN_SWITCH:
        switched = decision.departure.switched
    elif decision.missing == Condition.DESTINATION_SWITCH:
        switched = claims[0].switched
    return max(since, switched) if switched else since


def by_hand(
    since: dt.datetime, *, has_ine: bool, offered_to: str | None, set_aside: bool = False
) -> Status:
    """The status of a departure that the rule does not look at, or that is offered by hand."""
    if offered_to is not None:
        code, text = OFFER_WAITS
        return Status(State.BY_HAND, code, Who.DESTINATION, since, text, (offered_to,))
    if set_aside:
        code, text = SET_ASIDE
        return Status(State.WAITING, code, Who.NOBODY, since, text)
    code, text = NOT_FROM_SIECLE if has_ine else NO_INE
    return Status(State.BY_HAND, code, Who.ORIGIN, since, text)
