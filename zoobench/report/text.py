"""Texts from users (labels, names of models, messages of failures) shown as text, wherever they are printed."""

from __future__ import annotations

import functools
import html
import re

_MARKUP = re.compile(r"([\\`*\[\]|~#!$])|(?<![^\W_])_|_(?![^\W_])")
_LINK = re.compile(r"(?i)\b(https?|ftp)://|\bwww\.")
_LIST_OR_RULE = re.compile(r"^([-+=>]|\d+[.)](?=\s|$))")
_UNKNOWN_GLYPH = "?"


@functools.lru_cache(maxsize=4096)
def markdown_text(text: str) -> str:
    """The text such that GitHub's Markdown shows its characters and nothing else: one line, no markup, no HTML."""
    escaped = _MARKUP.sub(lambda found: "\\" + found.group(), html.escape(single_line(text), quote=False))
    escaped = _LINK.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), escaped)
    return _LIST_OR_RULE.sub(_escape_last, escaped).replace("@", "@<!-- -->")


def single_line(text: str) -> str:
    """The text on one line; what cannot be seen (control characters, changes of direction) is written out."""
    visible = (char if char.isprintable() else " " if char.isspace() else f"<U+{ord(char):04X}>" for char in text)
    return " ".join("".join(visible).split())


def figure_text(text: str, *, longest: int = 40) -> str:
    """The text for a chart: one line, in characters that the charts' font has, cut at `longest`."""
    line = single_line(text)
    drawn = "".join(char if ord(char) in _glyphs() else _UNKNOWN_GLYPH for char in line)
    return cut_text(drawn, longest)


def cut_text(text: str, longest: int) -> str:
    """The text, its end replaced by `…` where it has more characters than that."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager  # noqa: PLC0415 - whoever escapes text alone need not wait for charts

    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())


def _escape_last(found: re.Match[str]) -> str:
    return f"{found.group()[:-1]}\\{found.group()[-1]}"
