"""A directory of schools in the layout of the ministry's, as large as one wants."""

import csv
import io
from collections.abc import Iterable

from shared.identifiers import KEY_LETTERS

HEADER = (
    "Identifiant_de_l_etablissement", "Nom_etablissement", "Type_etablissement",
    "Statut_public_prive", "Adresse_1", "Adresse_2", "Adresse_3", "Code_postal", "Code_commune",
    "Nom_commune", "Code_departement", "Libelle_departement", "Libelle_academie",
    "Libelle_region", "Telephone", "Fax", "Web", "Mail", "Fiche_onisep", "SIREN_SIRET",
    "Nombre_d_eleves", "libelle_nature", "etat",
)  # fmt: skip
PLACES = (
    ("Lyon", "69001", "Lyon"), ("Créteil", "94000", "Créteil"), ("Le Mans", "72000", "Nantes"),
    ("Saint-Étienne", "42000", "Lyon"), ("L'Haÿ-les-Roses", "94240", "Créteil"),
    ("Épinal", "88000", "Nancy-Metz"), ("Saint-Denis", "97400", "La Réunion"),
    ("Villeneuve", "31000", "Toulouse"), ("Montreuil", "62000", "Lille"),
    ("Châteauroux", "36000", "Orléans-Tours"), ("Brest", "29200", "Rennes"),
)  # fmt: skip
ENDINGS = ("", "-sur-Saône", "-le-Vieil", "-les-Bains", "-en-Forêt", "-d'Artois", "-la-Neuve")
KINDS = (
    "Ecole élémentaire", "Ecole maternelle", "Ecole primaire", "Collège", "Ecole primaire publique",
    "Lycée professionnel", "Lycée général et technologique",
)  # fmt: skip
FIRST = ("Jules", "Hélène", "Jean", "Rosa", "Œuvre", "Les", "Simone", "Marie", "Louis", "Gaëlle",
         "Anne", "Paul", "Léo", "Aimé", "Irène", "Val", "Clos")  # fmt: skip
LAST = ("Verne", "Boucher", "Monnet", "Parks", "du Val", "Hêtres", "Veil", "Curie", "Pasteur",
        "Frank", "Valéry", "Lagrange", "Césaire", "Joliot", "Fleuri", "Moulin", "Zola", "Hugo",
        "Prévert", "Brassens", "Dolto", "Camus", "Aragon")  # fmt: skip


def uai(number: int) -> str:
    """The UAI with these figures."""
    return f"{number:07d}{KEY_LETTERS[number % 23]}"


def school(number: int, **changes: str) -> dict[str, str]:
    """The line of a school; `changes` by column."""
    place, postcode, academie = PLACES[number % len(PLACES)]
    town = place + ENDINGS[number // 7 % len(ENDINGS)]
    kind = KINDS[number % len(KINDS)]
    name = f"{FIRST[number % len(FIRST)]} {LAST[number // 3 % len(LAST)]}"
    code = uai(number)
    return {
        "Identifiant_de_l_etablissement": code,
        "Nom_etablissement": f"{kind} {name}",
        "Type_etablissement": kind.split()[0],
        "Adresse_1": f"{number % 200 + 1} rue des Écoles",
        "Adresse_3": f"{postcode} {town.upper()}",
        "Code_postal": postcode,
        "Nom_commune": town,
        "Libelle_academie": academie,
        "Telephone": f"04{number % 100_000_000:08d}",
        "Mail": f"ce.{code}@ac-exemple.fr",
        "Nombre_d_eleves": "250",
        "libelle_nature": kind.upper(),
        "etat": "OUVERT",
    } | changes


def written(schools: Iterable[dict[str, str]], *, bom: bool = False) -> bytes:
    """The file with these lines."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="", delimiter=";")
    writer.writeheader()
    writer.writerows(schools)
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")
