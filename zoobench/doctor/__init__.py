"""Calibration of the harness on a machine: known durations, counts and sizes, and how steady the machine is.

What runs in a worker is a file a check; `examination` runs them all, and imports no torch.
"""
