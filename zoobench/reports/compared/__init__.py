"""Outputs of a comparison: terminal, Markdown, JUnit, JSON, forest plot. Each is made from one `Comparison` alone.

Nothing is decided here, and nothing but the forest plot needs matplotlib, so that a verdict is not waited for.
"""
