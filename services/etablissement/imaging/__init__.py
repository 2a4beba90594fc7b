"""Decodes what schools upload as logo or cachet, in a process of its own for each file."""
