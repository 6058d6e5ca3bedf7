"""Shapes of charts: numbers and texts as the specifications that Vega draws. None of them knows a section."""
