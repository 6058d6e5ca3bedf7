"""Measures cases: the process of the run, which starts workers and records what they send. It imports no torch."""
