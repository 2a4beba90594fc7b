"""What people read when something can't be done with schools, persons and rights."""

from services.etablissement.domain import errors
from shared.web.preconditions import CHANGED_MEANWHILE
from shared.web.problems import Problem

INCOMPLETE = Problem(
    409,
    "fiche-incomplete",
    "Fiche de l'établissement incomplète",
    "Renseignez le nom et l'adresse électronique dans l'onglet Etablissement.",
)

PROBLEMS = {
    errors.UnknownSchoolError: Problem(
        404,
        "etablissement-inconnu",
        "Établissement inconnu",
        "Aucun établissement n'a ce code UAI dans le registre. Vérifiez le code, ou demandez à "
        "l'administrateur de votre académie de créer l'établissement.",
    ),
    errors.KnownSchoolError: Problem(
        409,
        "etablissement-deja-cree",
        "Établissement déjà créé",
        "Cet établissement est déjà dans le registre : ouvrez sa fiche.",
    ),
    errors.OtherAcademieError: Problem(
        409,
        "autre-academie",
        "Établissement d'une autre académie",
        "Cet établissement n'est pas dans cette académie : choisissez la sienne.",
    ),
    errors.StaleVersionError: CHANGED_MEANWHILE,
    errors.NotOpenError: Problem(
        409,
        "etablissement-ferme",
        "Établissement fermé",
        "Cet établissement est fermé : rouvrez-le d'abord, ou adressez-vous à celui qui lui a "
        "succédé.",
    ),
    errors.NotClosedError: Problem(
        409, "etablissement-ouvert", "Établissement ouvert", "Cet établissement est déjà ouvert."
    ),
    errors.WrongSuccessorError: Problem(
        409,
        "successeur-impossible",
        "Successeur impossible",
        "L'établissement qui succède doit être un autre, dans le registre et ouvert : vérifiez "
        "son code UAI.",
    ),
    errors.UnknownRightError: Problem(
        404,
        "droit-inconnu",
        "Droit inconnu",
        "Ce droit n'existe pas dans cet établissement, ou il a déjà pris fin. Rechargez la liste "
        "des utilisateurs.",
    ),
    errors.LastHeadError: Problem(
        409,
        "derniere-direction",
        "Dernière personne de direction",
        "L'établissement n'aurait plus de direction. Invitez d'abord la personne qui prend la "
        "suite, ou adressez-vous à l'administrateur de votre académie.",
    ),
    errors.NotYoursToGiveError: Problem(
        403,
        "droit-reserve-direction",
        "Réservé à la direction",
        "Seule la direction donne ou retire les droits de direction et les délégations. "
        "Adressez-vous à elle.",
    ),
    errors.OwnRightsError: Problem(
        403,
        "droits-personnels",
        "Vos propres droits",
        "Personne n'étend ni ne prolonge ses propres droits : demandez-le à une autre personne de "
        "direction ou à l'administrateur de votre académie.",
    ),
    errors.UnknownDirectoryImportError: Problem(
        404,
        "annuaire-inconnu",
        "Fichier inconnu",
        "Ce fichier n'est pas là, ou il a plus d'un jour : envoyez-le à nouveau.",
    ),
}
