"""`python -m services.notifier serve | migrate`."""

from pathlib import Path

from services.notifier import handlers, metrics, sending
from services.notifier.settings import NotifierSettings
from shared.service import Service, command_line

service = Service(
    name="notifier",
    folder=Path(__file__).parent,
    settings=NotifierSettings,
    handle=handlers.handle,
    jobs=[sending.run, metrics.run],
)

if __name__ == "__main__":
    command_line(service)()
