"""Writes the references that are made from the code: `docs/events.json` (AsyncAPI), `docs/api/` and
`docs/settings.md`, the text of `docs/visite.md`.

`python -m docs.reference` writes them; `--check` fails if they are not current.
"""

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from docs import visit
from shared.events import CATALOGUE, Event
from shared.messaging.topology import EXCHANGE, queue_of
from shared.service import Service
from shared.settings import Settings

HERE = Path(__file__).parent
SETTINGS = """# Settings

Made from the code (`python -m docs.reference`). Each is a variable of the environment, or a file of
that name in small letters in the folder that `CPRO_SECRETS_DIR` names. Settings that lack or are
wrong are told at the start, by name.

Two are not ours: `OTEL_EXPORTER_OTLP_ENDPOINT` exports traces; `FORWARDED_ALLOW_IPS` (`gateway`)
names the proxies in front, which alone are believed about who asks (`127.0.0.1`): sign-ins are
limited by that address (600 in 10 minutes). `migrate` is given another role in `CPRO_DATABASE_URL`
than `serve` and the other commands ([security.md](security.md), « Histories »).
"""
SERVICES = (
    "dossier",
    "etablissement",
    "gateway",
    "inspector_access",
    "notifier",
    "siecle_import",
    "transfer",
)


def service(name: str) -> Service:
    """The description of a service, from its `__main__`."""
    found: Service = importlib.import_module(f"services.{name}.__main__").service
    return found


def asyncapi() -> dict[str, Any]:
    """Every event as an AsyncAPI 3 document: who publishes it, who hears it, what it holds."""
    messages = {event.__name__: _message(event) for event in CATALOGUE.values()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "CPro éducation – Paramètres: events", "version": "1"},
        "channels": {
            EXCHANGE: {
                "address": EXCHANGE,
                "description": "Topic exchange; the routing key is the event's type.",
                "messages": {name: _ref("messages", name) for name in messages},
            }
        },
        "operations": {
            f"{event.owner}-publishes-{event.__name__}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{EXCHANGE}"},
                "messages": [{"$ref": f"#/channels/{EXCHANGE}/messages/{event.__name__}"}],
            }
            for event in CATALOGUE.values()
        },
        "components": {"messages": messages},
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/cloudevents+json",
        "x-queues": [queue_of(listener) for listener in event.listeners],
        "payload": event.model_json_schema(mode="serialization"),
    }


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def settings() -> str:
    """Every setting of every service as a table: those of all services, then by service."""
    common = set(Settings.model_fields)
    parts = [SETTINGS, "## All services\n", *_rows(Settings, Settings.model_fields)]
    for name in SERVICES:
        model = service(name).settings
        if own := [field for field in model.model_fields if field not in common]:
            parts += [f"\n## {name}\n", *_rows(model, own)]
    return "\n".join(parts) + "\n"


def _rows(model: type[Settings], names: Iterable[str]) -> Iterator[str]:
    yield "| setting | default | meaning |\n|---|---|---|"
    for name in names:
        field = model.model_fields[name]
        value = field.get_default()
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        default = "**required**" if field.is_required() else f"`{value}`"
        shown = default if field.is_required() or value not in (None, "") else ""
        yield f"| `CPRO_{name.upper()}` | {shown} | {field.description} |"


def references() -> Iterator[tuple[Path, str]]:
    """Each generated file with its content."""
    yield HERE / "events.json", _text(asyncapi())
    yield HERE / "settings.md", settings()
    for name in SERVICES:
        yield HERE / "api" / f"{name}.json", _text(service(name).app().openapi())
    yield HERE / "visite.md", visit.text()


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def outdated() -> list[Path]:
    """The files that are not as the code says."""
    return [path for path, text in references() if not path.exists() or path.read_text() != text]


def main() -> None:
    """Write the references, or check them."""
    if "--check" in sys.argv:
        if late := outdated():
            names = ", ".join(path.name for path in late)
            raise SystemExit(f"not current, run `python -m docs.reference`: {names}")
        return
    for path, text in references():
        path.write_text(text)


if __name__ == "__main__":
    main()
