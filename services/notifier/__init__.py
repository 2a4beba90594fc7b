"""Owns the messages that the application sends, and what became of each."""
