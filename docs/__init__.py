"""Documentation. `reference` generates its machine-made parts."""
