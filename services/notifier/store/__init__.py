"""The SQL of `notifier`, over sets: each function is one question or one change."""

from collections.abc import Iterable


def columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Rows turned into columns, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]
