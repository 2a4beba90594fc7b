"""The system in containers: what `deploy/compose.yaml` runs beside the services, what drives it."""
