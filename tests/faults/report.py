"""Writes docs/faults.md."""
from collections.abc import Sequence
from tests.faults.play import Outcome


def write(outcomes: Sequence[Outcome]) -> None:
    """Later."""
