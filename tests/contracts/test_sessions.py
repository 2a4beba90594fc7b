"""What a statement sets ends with its transaction: no pool resets its connections (ADR 71)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.local import ROOT

OUTLIVES_ITS_TRANSACTION = re.compile(
    r"(?:^|;)\s*SET (?!LOCAL\b)|\bLISTEN\b|\bset_config\(|\bWITH HOLD\b"
    r"|pg_(?:try_)?advisory_lock|^add_(?:log_)?listener$"
)
WITH_CARE = {
    ("shared/database.py", "pg_advisory_lock"),  # `migrate`, on a connection that it closes
    # Whoever owns an import gives it up, or goes.
    ("services/siecle_import/store/imports.py", "pg_try_advisory_lock"),
}


def texts(file: Path) -> Iterator[str]:
    """Whatever may be a statement, and what asyncpg is asked to do."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.Attribute):
            yield node.attr


def test_what_is_set_at_a_session_ends_with_its_transaction() -> None:
    files = [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]
    found = {
        (str(file.relative_to(ROOT)), match[0])
        for file in files
        for text in texts(file)
        if (match := OUTLIVES_ITS_TRANSACTION.search(text))
    }
    assert found == WITH_CARE
