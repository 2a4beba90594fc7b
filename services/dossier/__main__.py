"""`python -m services.dossier serve | migrate | load | catch-up`."""

from pathlib import Path

from services.dossier import api, handlers, retention
from services.dossier.catching_up import catch_up
from services.dossier.load_command import load
from services.dossier.settings import DossierSettings
from shared.service import Service, command_line

service = Service(
    name="dossier",
    folder=Path(__file__).parent,
    settings=DossierSettings,
    routers=api.ROUTERS,
    handle=handlers.handle,
    problems=api.PROBLEMS,
    jobs=[retention.run],
)

commands = command_line(service)
commands.command("load")(load)
commands.command("catch-up")(catch_up)

if __name__ == "__main__":
    commands()
