"""What is installed is what was locked, and everything asked for has its reason."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-tools.lock")


def entries(lock: str) -> list[str]:
    """The requirements of a lock file, each with its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    assert len(entries(lock)) > 20
    for entry in entries(lock):
        assert re.match(r"[\w.-]+==[\w.]+ ", entry), f"one version of the index: {entry[:60]}"
        assert "--hash=sha256:" in entry, entry[:60]


def test_every_direct_dependency_is_locked_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [one for group in project["dependency-groups"].values() for one in group]
    asked = project["project"]["dependencies"] + [one for one in groups if isinstance(one, str)]
    locked = {entry.partition("==")[0] for lock in LOCKS for entry in entries(lock)}
    explained = (ROOT / "docs/dependencies.md").read_text()
    for requirement in asked:
        name = re.split(r"[<>=~\[ ]", requirement)[0]
        assert name in locked, name
        short = name.removeprefix("opentelemetry")
        assert name in explained or f" {short}" in explained, f"no reason is given for {name}"
