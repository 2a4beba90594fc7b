"""The SQL of `gateway`, set-based, one function a question."""
