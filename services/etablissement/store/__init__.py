"""The SQL of `etablissement`, over sets: each function is one question or one change."""
