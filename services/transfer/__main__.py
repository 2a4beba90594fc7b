"""`python -m services.transfer serve | migrate | explain | reconcile | set-aside | catch-up`."""

from pathlib import Path

from services.transfer import api, handlers, metrics, reconcile, retention
from services.transfer.catching_up import catch_up
from services.transfer.explain_command import explain
from services.transfer.reconcile_command import reconcile_all, set_aside
from services.transfer.settings import TransferSettings
from shared.service import Service, command_line, figures

service = Service(
    name="transfer",
    folder=Path(__file__).parent,
    settings=TransferSettings,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
    handle=handlers.handle,
    jobs=[reconcile.run, figures(metrics.refresh), retention.run],
)

commands = command_line(service)
commands.command("explain")(explain)
commands.command("reconcile")(reconcile_all)
commands.command("set-aside")(set_aside)
commands.command("catch-up")(catch_up)

if __name__ == "__main__":
    commands()
