import msgspec
from hypothesis import given
from hypothesis import strategies as st

from zoobench.report.html.page import json_html

texts = st.text() | st.sampled_from(["</script>", "<!--", "]]>", "&lt;", "\u2028", "\u2029"])
data = st.recursive(
    texts | st.integers(-(2**53), 2**53) | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


@given(data)
def test_no_markup_survives_and_nothing_is_lost(content):
    text = str(json_html(content))
    assert not set(text) & set("<>&\u2028\u2029")
    assert msgspec.json.decode(text) == content


def test_what_is_not_finite_is_null():
    assert json_html([float("nan"), float("inf")]) == "[null,null]"
