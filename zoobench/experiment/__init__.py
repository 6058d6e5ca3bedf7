"""Comparing two sides by measuring both, here and now, in turns: which code is on which side, and what they take.

The process that conducts an experiment imports no torch: the sides' workers do, each with its own files.
"""
