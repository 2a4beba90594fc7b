"""Measured comparisons, each beside the naive way in the same run; ratios, not wall times."""
