import pytest

from zoobench.report.text import cut_text, figure_text, markdown_text, single_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mobilenet_v2", "mobilenet_v2"),
        ("torch 2.14.1, ±3 %", "torch 2.14.1, ±3 %"),
        ("a|b", r"a\|b"),
        ("two\nlines\r\n\tand more ", "two lines and more"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("**bold** `code` [a](b) ~~no~~", r"\*\*bold\*\* \`code\` \[a\](b) \~\~no\~\~"),
        ("__init__", r"\_\_init\_\_"),
        ("&amp;", "&amp;amp;"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("3.11.9", "3.11.9"),
        ("https://example.org/a", "https&#58;//example.org/a"),
        ("@someone", "@<!-- -->someone"),
        ("\x1b[31mred", r"&lt;U+001B&gt;\[31mred"),
        ("left\u202eright", "left&lt;U+202E&gt;right"),
    ],
)
def test_markdown_shows_the_characters_and_nothing_else(text, shown):
    assert markdown_text(text) == shown


def test_a_figure_has_no_glyph_that_its_font_lacks():
    assert figure_text("网络 net\n2") == "?? net 2"


def test_a_long_text_is_cut_in_a_figure():
    assert figure_text("x" * 50) == "x" * 39 + "…"


def test_a_single_line_is_one():
    assert single_line("a\u2028b\x00") == "a b<U+0000>"


@pytest.mark.parametrize(("text", "cut"), [("", ""), ("abc", "abc"), ("abcd", "ab…")])
def test_a_text_is_cut_only_if_it_is_longer(text, cut):
    assert cut_text(text, 3) == cut
