"""What administrators keep, for the demonstration: the diplomas of the guide, their inspectors."""

from typing import Final

from deploy.local.people import INSPECTOR, A, B

TNE, PMIA, MSPC, MELEC = "2D-TNE", "2D-PMIA", "400-25510", "400-25522"
OTHER: Final = "aymerick.lenoir@demo.example"

TABLES: Final = {
    "diplomes": f"""code;libelle;mef
{TNE};2de famille de métiers des Transitions numérique et énergétique;24725502031
{PMIA};2de famille de métiers du Pilotage et de la maintenance d'installations automatisées;
{MSPC};Bac Pro Maintenance des systèmes de production connectés;24725102431
{MELEC};Bac Pro Métiers de l'Électricité et de ses Environnements Connectés;24723332031
""",
    "inspecteurs": f"adresse;nom\n{OTHER};Aymerick Lenoir\n",
    "referents": f"""adresse;diplome;uai;debut;fin
{OTHER};{TNE};;;
{INSPECTOR.email};{TNE};;;
{INSPECTOR.email};{MELEC};{B};;
""",
    "abonnements": "uai;diplome;debut;fin\n"
    + "".join(f"{A};{diploma};;\n" for diploma in (TNE, PMIA, MSPC, MELEC))
    + f"{B};{TNE};;\n{B};{MELEC};;\n",
}
"""Tables by name, in the order in which they are sent. One MEF of the learners is in none."""
