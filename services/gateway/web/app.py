"""The gateway's application: that of every service, with pages, assets and errors as pages."""

from dataclasses import dataclass

from fastapi import FastAPI

from services.gateway.parts import Parts
from services.gateway.settings import GatewaySettings
from services.gateway.web import errors
from services.gateway.web.edge import Edge
from shared.service import Runtime, Service


@dataclass(frozen=True)
class Gateway(Service):
    """The service whose routes are pages."""

    def app(self, runtime: Runtime | None = None) -> FastAPI:
        """The HTTP application; without a runtime, for its description only."""
        app = super().app(runtime)
        errors.install(app)
        app.state.served = {
            path for router in self.routers for route in router.routes
            if (path := getattr(route, "path", None))
        }  # fmt: skip
        if runtime is not None:
            settings = runtime.settings
            if not isinstance(settings, GatewaySettings):
                raise TypeError(type(settings))
            app.state.parts = Parts.of(settings)
            app.middleware_stack = Edge(app.build_middleware_stack(), secure=settings.secure)
        return app
