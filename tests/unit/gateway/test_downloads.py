"""Tables as CSV."""

import pytest

from services.gateway.web.downloads import table
from shared.web.tables import harmless


@pytest.mark.parametrize(
    "cell", ["=1+1", "+33", "-1", "@SUM(A1)", "＝1", "\tx", " =cmd|' /C calc'!A0"]
)
def test_no_cell_is_run_as_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_a_table_opens_in_a_spreadsheet() -> None:
    answer = table("liste.csv", ["Nom", "Ville"], [["Élise ; Ève", None], ['"X"', 3]])
    content = bytes(answer.body)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == 'Nom;Ville\r\n"Élise ; Ève";\r\n"""X""";3\r\n'
    assert answer.headers["content-disposition"] == 'attachment; filename="liste.csv"'
