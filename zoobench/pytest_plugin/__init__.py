"""Suites under pytest."""
