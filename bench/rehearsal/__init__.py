"""The national September on one machine: `make rehearsal SCALE=x` (docs/performance.md)."""
