"""What administrators keep, for the demonstration's schools with pupils: their subscriptions, and a
third inspector. The diplomas are those of `inspection.py`.
"""

from typing import Final

from deploy.local.people import INSPECTOR, A, B
from deploy.local.seeds.inspection import DIPLOMAS

OTHER: Final = "aymerick.lenoir@demo.example"
TNE, _, _, MELEC = CODES = [code for code, _, _ in DIPLOMAS]

TABLES: Final = {
    "inspecteurs": f"adresse;nom\n{OTHER};Aymerick Lenoir\n",
    "referents": f"""adresse;diplome;uai;debut;fin
{OTHER};{TNE};{A};;
{INSPECTOR.email};{MELEC};{B};;
""",
    "abonnements": "uai;diplome;debut;fin\n"
    + "".join(f"{A};{code};;\n" for code in CODES)
    + f"{B};{TNE};;\n{B};{MELEC};;\n",
}
"""Tables by name, in the order in which they are sent."""
