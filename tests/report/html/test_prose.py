import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from zoobench.report.html.page import block_html, sentence_html
from zoobench.report.text import markdown_text, single_line


@given(st.text())
def test_an_escaped_text_is_shown_as_its_characters(text):
    shown = str(sentence_html(markdown_text(text)))
    assert "<" not in shown
    assert unescape(shown) == single_line(text)


def test_our_markdown_is_laid_out():
    assert sentence_html("**2** of `a --b` ~~12 ms~~") == "<strong>2</strong> of <code>a --b</code> <s>12 ms</s>"
    assert block_html("- one\n- two") == "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"


def test_nothing_leads_out_of_the_page():
    for text in ("[x](https://example.org)", "<https://example.org>", "![x](y.png)", "<b onclick=x>"):
        assert not re.search(r"<(a|img|b)\b", str(block_html(text)))
