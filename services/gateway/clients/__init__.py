"""Whom the gateway calls: services for the person of a request, and those who know the rights."""
