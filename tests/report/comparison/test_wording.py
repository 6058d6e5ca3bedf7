import math

import msgspec
import pytest
from synthetic import every_verdict, make_comparison, make_result, make_side, make_times

from zoobench.records.comparison import REGRESSIONS, ExactChange, Rule, SideName, Verdict
from zoobench.report.comparison import wording


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, ""), (1.0, "1"), (0.21, "0.21"), (0.00390625, "0.0039"), (1e-4, "0.0001"), (9e-5, "< 0.0001")],
)
def test_a_probability_has_two_digits_and_is_never_nothing(p, text):
    assert wording.p_text(p) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(3_504_872, "1", "3,504,872"), (1024.0, "bytes", "1,024 bytes"), (0.5, "1", "0.5"), (71.25, "", "71.25")],
)
def test_an_exact_metric_has_all_its_digits(value, unit, text):
    assert wording.exact_text(value, unit) == text


def test_a_change_without_an_interval_is_alone():
    assert wording.change_text(make_times(1.0, 0.95, None)) == "−5.0 %"
    assert wording.change_text(make_times(1.0, 0.95, 0.02)) == "−5.0 % (−6.9 % … −3.1 %)"


@pytest.mark.parametrize(
    ("side", "text"),
    [
        ({"asked": "main~3"}, "main~3 (1111111111)"),
        ({"asked": "11" * 20}, "11" * 20),
        ({"asked": "a, b", "commit": ""}, "a, b"),
        ({"asked": "working tree", "is_dirty": True}, "working tree (1111111111, with changes)"),
    ],
)
def test_a_side_is_what_the_user_wrote_and_what_that_was(side, text):
    assert wording.side_text(make_side(SideName.BASE, **side)) == text


def test_the_worst_come_first_and_of_one_verdict_the_largest_change():
    ordered = wording.worst_first(every_verdict())
    assert [case.verdict for case in ordered] == sorted((case.verdict for case in ordered), key=list(Verdict).index)
    sizes = [wording.size_of_change(case) for case in ordered if case.verdict is Verdict.SLOWER]
    assert sizes == [math.log(1.31), math.log(1.072)]


@pytest.mark.parametrize("is_strict", [False, True])
def test_every_case_is_shown_or_folded_and_a_regression_never_folded(is_strict):
    comparison = make_comparison(rule=Rule(margin_ratio=0.05, is_strict=is_strict))
    shown = wording.shown_cases(comparison)
    folded = [case for cases in wording.folded_cases(comparison) for case in cases]
    assert sorted(case.id for case in (*shown, *folded)) == sorted(case.id for case in comparison.cases)
    assert not {case.verdict for case in folded} & REGRESSIONS
    assert (Verdict.UNDECIDED in {case.verdict for case in shown}) == is_strict


def test_what_may_hide_is_the_largest_of_what_was_not_seen():
    hidden = [make_result("vgg16", Verdict.SAME, make_times(1.0, 1.0, width)) for width in (0.01, 0.03)]
    seen = [make_result("vgg16", verdict, make_times(1.0, 2.0)) for verdict in (Verdict.SLOWER, Verdict.FASTER)]
    assert wording.missed_text([*hidden, *seen]) == "+3.0 %"
    assert wording.missed_text([*seen, make_result("vgg16", Verdict.BROKEN)]) == ""
    assert wording.missed_text([make_result("vgg16", Verdict.OUTPUT_CHANGED, make_times(1.0, 0.5))]) == ""


def test_exact_changes_for_the_worse_come_first():
    better, worse = (ExactChange(metric="macs", base=2.0, head=head, is_worse=head > 2) for head in (1.0, 3.0))
    cases = [make_result("vgg16", Verdict.WORSE, exact_changes=(better, worse))]
    rows = wording.exact_rows(make_comparison(cases), {cases[0].id: "vgg16"})
    assert [row.change for row in rows] == ["+1 (+50.00 %), worse", "−1 (−50.00 %), better"]


def test_method_states_the_rule_the_plan_and_the_noise_and_only_what_is_known():
    assert len(wording.method_texts(make_comparison())) == 3
    bare = msgspec.structs.replace(make_comparison(), plan=None, noise_ratio=None)
    assert len(wording.method_texts(bare)) == 1
