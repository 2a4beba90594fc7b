"""Every test that docs/security.md names as showing something exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named_in(path: Path) -> set[str]:
    """The functions of a file."""
    nodes = ast.walk(ast.parse(path.read_text())) if path.is_file() else ()
    return {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_threat_names_tests_that_exist() -> None:
    text = (ROOT / "docs/security.md").read_text()
    threats = [line for line in text.split("## Secrets")[0].splitlines() if line.startswith("| ")]
    rows = [line for line in threats if not line.startswith("| who, what | how")]
    assert len(rows) > 20
    for row in rows:
        named = NAMED.findall(row)
        assert named, f"no test shows: {row}"
        for file, name in named:
            assert name in named_in(ROOT / file), f"{file}::{name} does not exist"
