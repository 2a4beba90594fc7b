"""The SQL of `dossier`, over sets: each function is one question or one change."""
