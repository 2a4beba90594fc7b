"""Owns the schools: registry, card, logo and cachet, contacts, modules, persons and rights."""
