"""The notice to families about transfers, readable at fifteen: one text for the page and the PDF.

What the law wants told (GDPR, articles 12 to 14): who decides, what moves, to whom, when, on what
basis, how long, rights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

TITLE: Final = "Votre dossier vous suit quand vous changez d'établissement"
INTRODUCTION: Final = (
    "Ce document explique, à vous et à vos parents, ce que devient votre dossier dans CPro "
    "éducation si vous changez de lycée ou de CFA."
)
SLIP: Final = "Coupon à rendre à l'établissement (seulement si vous n'êtes pas d'accord)"
SLIP_FIELDS: Final = (
    "Nom et prénom de l'élève ou de l'apprenti",
    "Classe",
    "Nom du responsable légal (si l'élève est mineur)",
    "Date et signature",
)
CHOICES: Final = (
    "Je m'oppose à ce que mon dossier soit transmis automatiquement à un autre établissement.",
    "Je souhaite d'abord en parler avec l'établissement.",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A question and what there is to say: sentences, then a list."""

    question: str
    answer: str
    points: Sequence[str] = ()


def sections(card: Mapping[str, Any]) -> Sequence[Section]:
    """The notice of this school."""
    return (
        Section(
            "Qui décide ?",
            f"Votre établissement, {card['name']}, est responsable de vos données. {_head(card)} "
            "décide d'activer ou non le transfert des dossiers. L'établissement qui vous accueille "
            "doit l'avoir activé aussi.",
        ),
        Section(
            "Qu'est-ce qui est transmis ?",
            "Vos bilans, vos fiches et vos évaluations, avec leurs pièces jointes. Rien d'autre : "
            "ni vos absences, ni vos punitions, ni des informations sur votre santé ou votre "
            "famille. Chaque document garde le nom de l'établissement où il a été écrit.",
        ),
        Section(
            "À qui ?",
            "Seulement à l'établissement, public ou privé, où vous êtes inscrit (lycée, CFA, "
            "GRETA…). Un inspecteur n'y voit que ce qui a été écrit dans l'établissement qui lui a "
            "donné accès.",
        ),
        Section(
            "Quand ?",
            "",
            (
                "Si les deux établissements utilisent SIECLE, la base des élèves du ministère : "
                "automatiquement, quand le premier a enregistré votre départ et le second votre "
                "arrivée.",
                "Sinon (par exemple vers un CFA ou un GRETA) : votre établissement vous demande "
                "d'abord votre autorisation, ou celle de vos responsables légaux.",
            ),
        ),
        Section(
            "Pourquoi a-t-on le droit de le faire ?",
            "Faire suivre votre dossier fait partie de la mission de service public de l'école "
            "(article 6, paragraphe 1, e, du règlement général sur la protection des données). "
            "Cela évite de vous évaluer deux fois sur la même chose.",
        ),
        Section(
            "Combien de temps est-ce gardé ?",
            "Tant que vous êtes inscrit, puis 24 mois après votre départ si votre dossier n'a pas "
            "suivi. L'ancien établissement ne garde pas les documents transmis, seulement leur "
            "nombre et les dates.",
        ),
        Section(
            "Quels sont vos droits ?",
            "",
            (
                "Voir votre dossier et en recevoir une copie.",
                "Faire corriger ce qui est faux.",
                "Demander que vos données soient effacées ou que leur usage soit limité.",
                "Vous opposer à ce que votre dossier suive : rendez le coupon, ou écrivez-nous. "
                "Cela ne change rien à votre inscription.",
            ),
        ),
        Section("À qui s'adresser ?", _contact(card)),
    )


def _head(card: Mapping[str, Any]) -> str:
    name, function = card["head_name"], card["head_function"]
    if name and function:
        return f"Son chef d'établissement ({name}, {function})"
    return f"Son chef d'établissement ({name})" if name else "Son chef d'établissement"


def _contact(card: Mapping[str, Any]) -> str:
    written = f" ({card['email']})" if card["email"] else ""
    return (
        f"Au secrétariat ou au chef d'établissement{written}, ou à son délégué à la protection des "
        "données ; il vous répond dans un délai d'un mois. Si la réponse ne vous convient pas, "
        "vous pouvez vous plaindre auprès de la CNIL : www.cnil.fr/fr/plaintes, ou 3 place de "
        "Fontenoy, TSA 80715, 75334 Paris CEDEX 07."
    )
