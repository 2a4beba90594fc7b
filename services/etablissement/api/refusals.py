"""Why a file is not taken as logo or cachet, as staff read it, and what they can do."""

from typing import Final

from services.etablissement.domain.images import Refusal
from shared.web.problems import Problem

_AGAIN = "puis renvoyez-la."

REFUSED: Final = {
    Refusal.EMPTY: Problem(
        422,
        "fichier-vide",
        "Fichier vide",
        "Ce fichier n'a pas de contenu : choisissez-en un autre.",
    ),
    Refusal.TOO_BIG: Problem(
        413,
        "image-trop-lourde",
        "Fichier trop lourd",
        "L'image dépasse 5 Mo : réduisez ses dimensions, ou enregistrez-la en JPEG, " + _AGAIN,
    ),
    Refusal.GIF: Problem(
        415,
        "image-gif",
        "Image GIF",
        "Les images GIF ne sont pas acceptées : enregistrez l'image en PNG, " + _AGAIN,
    ),
    Refusal.SVG: Problem(
        415,
        "image-svg",
        "Dessin SVG",
        "Un dessin SVG, ou un autre fichier écrit en XML ou en HTML, n'est pas accepté parce qu'il "
        "peut contenir un programme : exportez l'image en PNG, " + _AGAIN,
    ),
    Refusal.HEIC: Problem(
        415,
        "image-heic",
        "Photo HEIC ou AVIF",
        "Ce format de photo n'est pas accepté : enregistrez la photo en JPEG, " + _AGAIN,
    ),
    Refusal.PDF: Problem(
        415,
        "image-pdf",
        "Document PDF",
        "Un PDF n'est pas une image : exportez la page en PNG, " + _AGAIN,
    ),
    Refusal.UNKNOWN: Problem(
        415,
        "type-de-fichier-refuse",
        "Type de fichier refusé",
        "Ce fichier n'est pas une image PNG, JPEG ou WebP : enregistrez l'image dans l'un de ces "
        "formats, " + _AGAIN,
    ),
    Refusal.DISGUISED: Problem(
        422,
        "contenu-different",
        "Contenu différent du type annoncé",
        "Le nom de ce fichier annonce un autre format que son contenu : ouvrez l'image, "
        "enregistrez-la en PNG sous un nouveau nom, " + _AGAIN,
    ),
    Refusal.ANIMATED: Problem(
        422,
        "image-animee",
        "Image animée",
        "Une image animée ne peut pas être imprimée : enregistrez une seule de ses vues en PNG, "
        + _AGAIN,
    ),
    Refusal.TRUNCATED: Problem(
        422,
        "image-incomplete",
        "Image incomplète",
        "La fin de ce fichier manque : copiez-le de nouveau depuis l'original, puis renvoyez-le.",
    ),
    Refusal.TRAILING: Problem(
        422,
        "contenu-cache",
        "Autre contenu après l'image",
        "Ce fichier contient autre chose après l'image : ouvrez l'image, enregistrez-la en PNG "
        "sous un nouveau nom, " + _AGAIN,
    ),
    Refusal.DAMAGED: Problem(
        422,
        "image-illisible",
        "Image illisible",
        "Ce fichier est abîmé ou ne suit pas les règles de son format : ouvrez l'original, "
        "enregistrez-le en PNG, puis renvoyez-le.",
    ),
    Refusal.TOO_MANY_PIXELS: Problem(
        422,
        "image-trop-grande",
        "Image trop grande",
        "Cette image a trop de pixels : réduisez-la à 2000 pixels de côté au plus, " + _AGAIN,
    ),
    Refusal.TOO_HEAVY: Problem(
        422,
        "image-trop-longue",
        "Image trop longue à traiter",
        "Cette image demande trop de calcul ou de mémoire : réduisez-la à 2000 pixels de côté au "
        "plus, enregistrez-la en PNG, " + _AGAIN,
    ),
}
"""One answer a refusal."""
