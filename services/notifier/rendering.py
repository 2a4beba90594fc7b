"""Mails from their templates: a text and an HTML form of one content."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.domain.mails import Kind

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(("html",), default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def _number(number: int, singular: str, plural: str) -> str:
    """« 1 dossier attend », « 2 dossiers attendent »."""
    return f"{number} {plural if number > 1 else singular}"


_environment.filters["number"] = _number


def render(
    kind: Kind, content: Mapping[str, Any], *, name: str, console_url: str, replies: bool
) -> tuple[str, str]:
    """The text and the HTML of a mail to `name`; `replies` go to the school."""
    values = {
        **content, "name": name, "console_url": console_url.rstrip("/"), "replies": replies,
    }  # fmt: skip
    text, html = (
        _environment.get_template(f"{kind}.{form}").render(values) for form in ("txt", "html")
    )
    return text, html
