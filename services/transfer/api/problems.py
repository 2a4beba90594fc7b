"""What staff read when a transfer can't be dealt with as they wish."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from services.transfer.domain import errors
from services.transfer.domain.offering import Refusal, Refused
from services.transfer.store.lists import UnknownCursorError
from shared.signing import NoSigningKeyError
from shared.web.preconditions import CHANGED_MEANWHILE
from shared.web.problems import Problem, ProblemError

REASONS = {
    Refusal.UNKNOWN_PUPIL: "Cet apprenant n'est pas dans la base de l'établissement.",
    Refusal.NOT_DEPARTED: "Cet apprenant est encore inscrit dans l'établissement.",
    Refusal.UNDER_WAY: "Le dossier de cet apprenant est déjà transféré, ou en cours de transfert.",
    Refusal.OPPOSITION: "Une opposition est enregistrée pour cet apprenant : levez-la d'abord.",
    Refusal.HELD: "Un transfert entre ces deux fiches a été annulé : l'un des établissements doit "
    "d'abord lever l'interdiction.",
    Refusal.SAME_SCHOOL: "L'établissement d'accueil est le vôtre : indiquez le nouveau.",
    Refusal.ORIGIN_SWITCH: "L'établissement d'origine n'a pas activé le transfert (onglet "
    "Transferts).",
    Refusal.UNKNOWN_SCHOOL: "Cet établissement n'utilise pas CPro éducation : vérifiez l'UAI.",
    Refusal.CLOSED_SCHOOL: "Cet établissement est fermé : indiquez celui où est l'apprenant.",
    Refusal.DESTINATION_SWITCH: "L'établissement d'accueil n'a pas activé le transfert : "
    "demandez-lui de le faire.",
    Refusal.AUTOMATIC: "Cet établissement utilise SIECLE : le transfert sera automatique après son "
    "prochain import.",
    Refusal.TWICE: "Cet apprenant figure deux fois dans la demande.",
}

OFFERS_REFUSED = Problem(
    409,
    "transfert-impossible",
    "Transfert impossible",
    "Rien n'a été enregistré. Corrigez les lignes indiquées, puis recommencez.",
)


@contextmanager
def refusals_told(field: str) -> Iterator[None]:
    """Answer with what is wrong in each place of `field` (`{}` stands for the place) if offers are
    refused.
    """
    try:
        yield
    except errors.RefusedOffersError as error:
        wrong = [
            {"field": field.format(place), "message": _told(refused)}
            for place, refused in error.reasons.items()
        ]
        raise ProblemError(replace(OFFERS_REFUSED, errors=wrong)) from None


def _told(refused: Refused) -> str:
    """The reason in words; of a closed school, with the one that goes on for it."""
    if refused.reason == Refusal.CLOSED_SCHOOL and refused.successor is not None:
        return (
            f"Cet établissement est fermé : indiquez celui qui lui a succédé, {refused.successor}."
        )
    return REASONS[refused.reason]


PROBLEMS = {
    errors.UnknownTransferError: Problem(
        404,
        "transfert-inconnu",
        "Transfert inconnu",
        "Cet établissement n'a pas ce transfert. Rechargez la liste des transferts.",
    ),
    errors.UnknownLearnerError: Problem(
        404,
        "apprenant-inconnu",
        "Apprenant inconnu",
        "Cet apprenant n'est pas dans la base de l'établissement. S'il vient d'y être ajouté, "
        "réessayez dans quelques secondes.",
    ),
    errors.UnknownPairError: Problem(
        404,
        "rapprochement-inconnu",
        "Rapprochement inconnu",
        "Ces deux apprenants ne sont plus à rapprocher : rechargez la liste.",
    ),
    errors.WrongStateError: Problem(
        409,
        "transfert-deja-traite",
        "Transfert déjà traité",
        "Ce transfert n'est plus dans l'état attendu : il a déjà été traité. Rechargez la page.",
    ),
    errors.ChangedMeanwhileError: CHANGED_MEANWHILE,
    errors.TooLateError: Problem(
        409,
        "delai-depasse",
        "Délai dépassé",
        "Un transfert s'annule dans les 30 jours. Adressez-vous à l'autre établissement.",
    ),
    errors.MovedOnError: Problem(
        409,
        "dossier-reparti",
        "Dossier reparti",
        "Le dossier est reparti vers un autre établissement : c'est à lui d'annuler d'abord son "
        "transfert.",
    ),
    errors.BusyError: Problem(
        409,
        "transfert-en-cours",
        "Transfert en cours",
        "Un autre transfert de cet apprenant est en cours : réessayez dans quelques secondes.",
    ),
    errors.MatchedError: Problem(
        409,
        "rapprochement-a-trancher",
        "Rapprochement à trancher",
        "L'apprenant vient d'être retrouvé par l'import d'un établissement : l'établissement "
        "d'origine doit d'abord maintenir sa proposition ou la retirer.",
    ),
    errors.NotHereError: Problem(
        409,
        "apprenant-absent",
        "Apprenant absent",
        "Rattachez la proposition à un apprenant inscrit dans votre établissement, ou créez-le.",
    ),
    UnknownCursorError: Problem(
        409,
        "liste-modifiee",
        "Liste modifiée",
        "La liste a changé pendant la lecture : recommencez à sa première page.",
    ),
    NoSigningKeyError: Problem(
        503,
        "billets-indisponibles",
        "Identité indisponible",
        "L'identité ne peut pas être montrée pour le moment : prévenez l'assistance.",
    ),
}
