"""`docs/visite.md`: the pages one after the other, with the screenshots that `make pages` leaves.

`python -m docs.visit` after `make pages` renews the pictures; the text is one of the references
(`docs/reference.py`).
"""

from pathlib import Path
from typing import Final

from PIL import Image

from deploy.local import LOCAL

HERE: Final = Path(__file__).parent
PICTURES: Final = HERE / "visite"
SCREENSHOTS: Final = LOCAL / "screenshots"
WIDTH: Final = 960
HIGHEST: Final = 1_300
"""Pixels of a picture; what is longer is cut at the bottom."""

VISIT: Final = (
    ("connexion", "Signing in", "Who one is, the identity provider says; what one may do, the"
     " school and the académie say here."),
    ("accueil", "Accueil", "What needs attention, and « Mise en service » until it is done."),
    ("etablissement", "Etablissement", "The school's card. Every field may be left empty; without"
     " name, e-mail and UAI no user can be made."),
    ("logo", "Logo", "Logo and cachet, which stand on printed documents."),
    ("transferts", "Transferts", "The switch and what it means, the departures and arrivals that"
     " follow by themselves, the list by hand, what moved."),
    ("transferts-autorisation", "Transfert à la main", "The school's decision and the"
     " authorisation that was collected, for whom does not come from SIECLE or has no INE."),
    ("transferts-proposition", "Propositions reçues", "An offer by hand as the receiving school"
     " sees it: attach it to a learner, create him, or refuse."),
    ("transferts-rapprochements", "Rapprochements", "Doubt is shown to people: same or different by"
     " field, never the other side in clear."),
    ("transferts-un", "Un transfert", "What happened step by step, and what can still be done."),
    ("pourquoi", "Pourquoi ?", "The first true cause why a dossier has not come, who acts, what to"
     " do."),
    ("acces-inspecteur", "Accès inspecteur", "A line a diploma, with its inspectors and its switch;"
     " each change is mailed to them."),
    ("apprentis", "Apprentis", "The contacts that apprentices see."),
    ("modules", "Modules", "The modules that the school uses."),
    ("import", "Import SIECLE", "Drop the file as SIECLE gave it; nothing changes yet."),
    ("import-confirmation", "Confirmer l’import", "What will change, with the names of those who"
     " will be deactivated; many of them ask for their number."),
    ("import-recu", "Reçu", "The receipt: date, author, file and digest; the import can be undone"
     " from here."),
    ("apprenants", "Apprenants", "The learners' base, with the last import above it."),
    ("apprenant", "Un apprenant", "His card, his records, where they came from, who has looked."),
    ("utilisateurs", "Utilisateurs", "Who may do what in the school."),
    ("console-diplome", "Console", "What an inspector sees of a school that has opened a diploma."),
    ("administration", "Administration", "Schools, diplomas, MEF, inspectors and subscriptions."),
)  # fmt: skip


def text() -> str:
    """The document."""
    parts = [
        f"## {title}\n\n{what}\n\n![{title}](visite/{name}.webp)" for name, title, what in VISIT
    ]
    head = (
        "# A visit of the pages\n\nThe pages as the tests of `make pages` see them, with people "
        "and learners who do not exist. `make up` shows them live: it prints the address "
        "and whom to sign in as. After a change: `make pages`, then `python -m docs.visit`."
    )
    return "\n\n".join([head, *parts]) + "\n"


def missing() -> list[str]:
    """The pictures that the document names and that are not there."""
    return [name for name, _, _ in VISIT if not (PICTURES / f"{name}.webp").exists()]


def main() -> None:
    """Renew the pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, _, _ in VISIT:
        with Image.open(SCREENSHOTS / f"{name}.png") as shot:
            image = shot.convert("RGB")
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)))
        image.crop((0, 0, WIDTH, min(image.height, HIGHEST))).save(
            PICTURES / f"{name}.webp", quality=70, method=6
        )


if __name__ == "__main__":
    main()
