from __future__ import annotations

import pytest
from contested import RULE
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case

from zoobench.records.comparison import CaseResult, Exit, Rule, Times, Verdict
from zoobench.stats.verdicts.outcome import change_of, exit_of, headline_of, is_contaminated, problems_of, short_names


def result(model: str, verdict: Verdict, ratio: float | None = None, **axes: object) -> CaseResult:
    times = None if ratio is None else Times(base_s=1.0, head_s=ratio, ratio=ratio, low=None, high=None, n=8)
    return CaseResult(id=make_case(model, **axes).id, verdict=verdict, times=times)


def test_the_sentence_names_what_changed_and_counts_the_rest() -> None:
    cases = [
        result("resnet18", Verdict.SLOWER, 1.081),
        result("vgg16", Verdict.SLOWER, 1.302),
        result("alexnet", Verdict.BROKEN),
        result("googlenet", Verdict.FASTER, 0.9),
        *(result("lenet5", Verdict.SAME, 1.0, batch=batch) for batch in range(1, 4)),
        result("xception", Verdict.NOT_COMPARABLE),
    ]
    assert headline_of(cases, ()) == (
        "Of 8 cases, 1 is broken (alexnet/b1/224), 2 are slower (vgg16/b1/224 by 30.2 %, resnet18/b1/224 by 8.1 %), "
        "1 is faster (googlenet/b1/224 by 10.0 %); 3 same, 1 not comparable."
    )


def test_of_many_the_largest_are_named() -> None:
    cases = [result("resnet18", Verdict.SLOWER, 1 + batch / 100, batch=batch) for batch in range(1, 7)]
    assert headline_of(cases, ()) == (
        "Of 6 cases, 6 are slower (resnet18/b6 by 6.0 %, resnet18/b5 by 5.0 %, resnet18/b4 by 4.0 %, 3 more)."
    )


def test_a_name_has_what_tells_it_from_the_others() -> None:
    ids = [make_case("resnet18", batch=batch).id for batch in (1, 8)]
    assert list(short_names(ids).values()) == ["resnet18/b1", "resnet18/b8"]
    assert list(short_names(ids[:1]).values()) == ["resnet18"]
    assert short_names(["control/product", "a/b/c"]) == {"control/product": "control/product", "a/b/c": "a/b/c"}


def test_two_sources_of_one_name_are_told_apart() -> None:
    assert list(short_names(["torchvision:vgg16/b1", "timm:vgg16/b1"]).values()) == ["torchvision:vgg16", "timm:vgg16"]


@given(st.lists(st.tuples(st.sampled_from(["a:x", "b:x", "a:y"]), st.sampled_from("12"), st.sampled_from("12"))))
def test_short_names_are_as_many_as_the_ids(parts: list[tuple[str, str, str]]) -> None:
    ids = ["/".join(one) for one in parts]
    names = short_names(ids)
    assert len(set(names.values())) == len(set(ids))


@pytest.mark.parametrize(("ratio", "told"), [(1.081, "8.1 % slower"), (0.9, "10.0 % faster")])
def test_a_change_in_words(ratio: float, told: str) -> None:
    assert change_of(result("resnet18", Verdict.SLOWER, ratio)) == told


STRICT = Rule(margin_ratio=0.05, is_strict=True)
verdicts = st.sampled_from(list(Verdict))


@given(st.lists(verdicts, min_size=1), st.lists(verdicts), st.sampled_from([RULE, STRICT]))
def test_the_exit_by_its_rules(of_cases: list[Verdict], of_controls: list[Verdict], rule: Rule) -> None:
    cases = [result("resnet18", verdict, batch=place + 1) for place, verdict in enumerate(of_cases)]
    controls = [result("lenet5", verdict, batch=place + 1) for place, verdict in enumerate(of_controls)]

    found = exit_of(cases, controls, rule)

    compared = {*of_cases} - {
        Verdict.BROKEN, Verdict.REMOVED, Verdict.NOT_COMPARABLE, Verdict.NEW, Verdict.FIXED
    }  # fmt: skip
    assert (found is Exit.NO_COMPARISON) == (not compared)
    if not compared:
        assert problems_of(cases, controls, rule)
        return
    in_fact = {Verdict.BROKEN, Verdict.REMOVED, Verdict.OUTPUT_CHANGED, Verdict.WORSE} & {*of_cases}
    is_open = rule.is_strict and {Verdict.UNDECIDED, Verdict.NOT_COMPARABLE} & {*of_cases}
    if in_fact:
        assert found is Exit.REGRESSION
    elif {Verdict.SLOWER, Verdict.FASTER} & {*of_controls}:
        assert found is Exit.NO_VERDICT
        assert is_contaminated(controls)
    elif Verdict.SLOWER in of_cases:
        assert found is Exit.REGRESSION
    else:
        assert found is (Exit.NO_VERDICT if is_open else Exit.NOTHING_WORSE)
    assert found is not Exit.NO_VERDICT or problems_of(cases, controls, rule)
