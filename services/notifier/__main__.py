"""`python -m services.notifier serve | migrate | preview | resend | suppress | hold`."""

from pathlib import Path

from services.notifier import api, commands, handlers, metrics, retention, rounds, sending
from services.notifier.settings import NotifierSettings
from shared.service import Service, command_line, figures

service = Service(
    name="notifier",
    folder=Path(__file__).parent,
    settings=NotifierSettings,
    routers=(api.router,),
    handle=handlers.handle,
    jobs=[
        sending.run,
        rounds.run,
        figures(lambda runtime: metrics.refresh(runtime.database)),
        retention.run,
    ],
)

app = command_line(service)
app.command("preview")(commands.preview)
app.command("resend")(commands.resend)
app.command("suppress")(commands.suppress)
app.command("hold")(commands.hold)

if __name__ == "__main__":
    app()
