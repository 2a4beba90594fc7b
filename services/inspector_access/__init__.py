"""Owns diplomas, inspectors and the switches that let them see a school's data."""
