"""What every HTTP interface shares: the application, problems, preconditions, idempotency."""
