"""The experiment: two sides of a project measured now, on this machine, in turns.

The process that conducts it imports no torch. Each side's workers run the side's code by the side's python, measured by
this zoobench's own copy (`harness`).
"""
