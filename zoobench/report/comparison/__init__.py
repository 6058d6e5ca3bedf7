"""A comparison as text, Markdown, JUnit XML and forest plot."""
