import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from synthetic import every_verdict, make_comparison, make_result, make_times

from zoobench.records.comparison import Difference, Exit, Verdict
from zoobench.report.comparison.markdown import MOST_BYTES, render_markdown

GITHUB_LIMIT = 65_536
HOSTILE = "<img src=x onerror=alert(1)>|**evil**\n# `x` @someone https://example.org \u202e</details>"


def many(count, verdicts=tuple(Verdict), *, name="model"):
    templates = {case.verdict: case for case in every_verdict()}
    return [
        msgspec.structs.replace(
            templates[verdicts[index % len(verdicts)]], id=f"package.nets:{name}_{index}/infer/b1/224/fp32/cpu"
        )
        for index in range(count)
    ]


def test_every_verdict(golden):
    golden("compare.md", render_markdown(make_comparison()))


def test_nothing_changed(golden):
    cases = [case for case in every_verdict() if case.verdict is Verdict.SAME]
    quiet = {"controls": (), "differences": (), "problems": (), "notes": (), "exit": Exit.NOTHING_WORSE}
    golden("nothing_changed.md", render_markdown(make_comparison(cases, headline="Nothing is worse.", **quiet)))


def test_only_changed_rows_stand_outside_a_fold():
    page = render_markdown(make_comparison())
    shown, _, folded = page.partition("<details>")
    assert "resnet50" in shown
    for name in ("densenet161", "mobilenet_v2", "alexnet", "lenet5"):
        assert name not in shown
        assert name in folded


@pytest.mark.parametrize("verdicts", [tuple(Verdict), (Verdict.SLOWER,), (Verdict.WORSE,), (Verdict.SAME,)])
def test_five_thousand_cases_fit_into_a_comment(verdicts):
    page = render_markdown(make_comparison(many(5000, verdicts)))
    assert len(page.encode()) <= MOST_BYTES < GITHUB_LIMIT
    assert len(page.encode()) > 0.9 * MOST_BYTES
    assert page.count("<details>") == page.count("</details>")
    cut = re.findall(r"… ([\d,]+) of ([\d,]+) rows are cut here to keep within the length of a comment", page)
    assert cut
    assert all(0 < int(left.replace(",", "")) <= int(all_.replace(",", "")) for left, all_ in cut)


def test_what_is_cut_and_what_is_shown_add_up():
    page = render_markdown(make_comparison(many(5000, (Verdict.SLOWER,)), controls=()))
    (left_out,) = re.findall(r"… ([\d,]+) of 5,000 rows", page)
    assert page.count("| slower |") + int(left_out.replace(",", "")) == 5000


def test_changes_are_cut_after_what_did_not_change():
    page = render_markdown(make_comparison([*many(200, (Verdict.SLOWER,)), *many(5000, (Verdict.SAME,), name="other")]))
    assert page.count("| slower |") == 200
    assert page.count("| same |") < 5000


def test_hostile_texts_everywhere_are_text():
    case = msgspec.structs.replace(make_result("resnet18", Verdict.SLOWER, make_times(), reason=HOSTILE), id=HOSTILE)
    base = msgspec.structs.replace(make_comparison().base, asked=HOSTILE)
    page = render_markdown(
        make_comparison(
            [case],
            base=base,
            headline=HOSTILE,
            problems=(HOSTILE,),
            notes=(HOSTILE,),
            differences=(Difference(fact=HOSTILE, base=HOSTILE, head=HOSTILE, matters=True),),
        )
    )
    assert "<img" not in page
    assert page.count("</details>") == page.count("<details>") == 1
    rendered = MarkdownIt("commonmark").enable("table").render(page.replace("<!-- -->", ""))
    assert "<strong>evil" not in rendered
    assert "<h1>" not in rendered
    assert "<a " not in rendered
    assert rendered.count("&lt;img src=x onerror=alert(1)&gt;|**evil** # `x` @someone") >= 7


def test_a_name_of_a_megabyte_is_cut():
    case = make_result("resnet18", Verdict.SLOWER, make_times(), reason="@" * 10**6)
    page = render_markdown(make_comparison([case], headline="@" * 10**6))
    assert len(page.encode()) <= MOST_BYTES


@settings(max_examples=50)
@given(st.integers(4000, 40_000), st.integers(0, 400), st.sets(st.sampled_from(Verdict), min_size=1))
def test_it_fits_whatever_the_room(most_bytes, count, verdicts):
    page = render_markdown(make_comparison(many(count, tuple(verdicts))), most_bytes=most_bytes)
    assert len(page.encode()) <= most_bytes
    assert page.count("<details>") == page.count("</details>")


def test_no_room_at_all_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="no room"):
        render_markdown(make_comparison(), most_bytes=300)
