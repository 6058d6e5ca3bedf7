"""Measures two sides of a project alternately, on this machine."""
