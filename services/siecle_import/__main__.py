"""`python -m services.siecle_import serve | migrate | check | import | republish | erase |
catch-up`.
"""

from pathlib import Path

from services.siecle_import import api, closing, erasing, handlers, metrics, steps
from services.siecle_import.catching_up import catch_up
from services.siecle_import.check import check
from services.siecle_import.erase_command import erase
from services.siecle_import.import_command import import_file
from services.siecle_import.republishing import republish
from services.siecle_import.settings import ImportSettings
from shared.service import Service, command_line, figures

service = Service(
    name="siecle_import",
    folder=Path(__file__).parent,
    settings=ImportSettings,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
    handle=handlers.handle,
    jobs=[steps.run, closing.run, erasing.run, figures(metrics.refresh)],
)

commands = command_line(service)
commands.command("check")(check)
commands.command("import")(import_file)
commands.command("republish")(republish)
commands.command("erase")(erase)
commands.command("catch-up")(catch_up)

if __name__ == "__main__":
    commands()
