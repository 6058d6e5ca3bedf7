"""Outputs of a comparison: terminal text, Markdown, JUnit XML and the forest plot."""
