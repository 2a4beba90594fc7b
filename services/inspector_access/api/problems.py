"""What people read when they cannot have what they ask for."""

from services.inspector_access.domain import errors
from shared.signing import NoSigningKeyError
from shared.web.problems import Problem

_LEARNERS = Problem(
    503,
    "apprenants-indisponibles",
    "Apprenants momentanément indisponibles",
    "La base des apprenants ne répond pas : réessayez dans quelques minutes. Le reste de la "
    "console reste disponible.",
)
_RECORDS = Problem(
    503,
    "dossiers-indisponibles",
    "Dossiers momentanément indisponibles",
    "Les bilans, fiches et évaluations ne peuvent pas être lus pour le moment : réessayez dans "
    "quelques minutes. La liste des apprenants reste disponible.",
)
UNKNOWN_REFERENT = Problem(
    404,
    "referent-inconnu",
    "Référent inconnu",
    "L'académie n'a pas cet inspecteur référent. Rechargez la liste.",
)
NATIONAL_TABLE = Problem(
    403,
    "table-nationale",
    "Table nationale",
    "Les diplômes valent pour toutes les académies : seul l'administrateur national modifie leur "
    "liste. Adressez-lui votre demande.",
)
UNREADABLE = Problem(422, "fichier-illisible", "Fichier refusé", "")
"""Its detail is the advice of the error."""

PROBLEMS: dict[type[Exception], Problem] = {
    errors.NotSubscribedError: Problem(
        404,
        "diplome-non-abonne",
        "Diplôme non abonné",
        "L'établissement n'est pas abonné à ce diplôme. Adressez-vous à l'académie pour l'ajouter.",
    ),
    errors.ClosedAccessError: Problem(
        403,
        "acces-ferme",
        "Accès fermé",
        "Ces informations ne vous sont pas (ou plus) ouvertes : l'établissement n'a pas activé "
        "l'accès à ce diplôme, ou vous n'en êtes pas l'inspecteur référent. Adressez-vous à la "
        "direction de l'établissement.",
    ),
    errors.UnknownMefError: Problem(
        404,
        "mef-inconnu",
        "MEF inconnu",
        "Ce MEF ne conduit pas au diplôme demandé. Choisissez-en un de la liste.",
    ),
    errors.NotThereError: Problem(
        404,
        "introuvable-pour-ce-diplome",
        "Apprenant ou document inconnu",
        "L'établissement n'a pas cet apprenant dans ce diplôme, ou pas ce document. Rechargez la "
        "liste.",
    ),
    errors.ListChangedError: Problem(
        409,
        "liste-modifiee",
        "Liste modifiée",
        "La liste a changé pendant la lecture : recommencez à sa première page.",
    ),
    errors.LearnersAwayError: _LEARNERS,
    errors.RecordsAwayError: _RECORDS,
    NoSigningKeyError: _LEARNERS,
}
