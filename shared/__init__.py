"""The kernel each service stands on. It knows no service."""
