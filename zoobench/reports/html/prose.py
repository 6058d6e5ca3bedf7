"""Our sentences, which are Markdown, as HTML. No HTML passes through, and nothing in them leads out of the page."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

_OUT_OF_THE_PAGE = ["link", "image", "autolink", "html_block", "html_inline", "reference"]
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(_OUT_OF_THE_PAGE)
_EMPTY_COMMENT = "<!-- -->"
"""What `markdown_text` puts behind an `@`, so that nobody is mentioned; one of a user's is escaped."""


def sentence_html(markdown: str) -> Markup:
    """One sentence, without a paragraph around it."""
    return Markup(_PARSER.renderInline(markdown.replace(_EMPTY_COMMENT, "")))  # noqa: S704  what the parser escaped


def block_html(markdown: str) -> Markup:
    """Paragraphs and lists."""
    return Markup(_PARSER.render(markdown.replace(_EMPTY_COMMENT, "")))  # noqa: S704  what the parser escaped
