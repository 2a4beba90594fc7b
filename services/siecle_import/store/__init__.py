"""The SQL of `siecle_import`, over sets: each function is one question or one change."""
