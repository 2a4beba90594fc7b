"""`python -m services.gateway serve | migrate`."""

from pathlib import Path

from services.gateway import pages, retention
from services.gateway.settings import GatewaySettings
from services.gateway.web.app import Gateway
from shared.service import command_line

service = Gateway(
    name="gateway",
    folder=Path(__file__).parent,
    settings=GatewaySettings,
    routers=pages.ROUTERS,
    jobs=[retention.run],
)

if __name__ == "__main__":
    command_line(service)()
