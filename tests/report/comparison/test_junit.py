from xml.etree import ElementTree as ET

import msgspec
import pytest
from synthetic import every_verdict, make_comparison, make_result, make_times

from zoobench.records.comparison import REGRESSIONS, Exit, Verdict
from zoobench.report.comparison.junit import render_junit


def parsed(document):
    return ET.fromstring(document)  # noqa: S314 - our own


def outcomes(document):
    """Outcome of each test, by name."""
    root = parsed(document)
    return {
        (test.get("classname"), test.get("name")): next(
            (child.tag for child in test if child.tag != "system-out"), "passed"
        )
        for test in root.iter("testcase")
    }


def test_every_verdict(golden):
    golden("junit.xml", render_junit(make_comparison()).decode())


@pytest.mark.parametrize("case", every_verdict(), ids=lambda case: case.verdict)
def test_a_regression_fails_and_what_is_open_is_skipped(case):
    (outcome,) = outcomes(render_junit(make_comparison([case]))).values()
    if case.verdict is Verdict.BROKEN:
        assert outcome == "error"
    elif case.verdict in REGRESSIONS:
        assert outcome == "failure"
    else:
        assert outcome == ("skipped" if case.verdict in {Verdict.UNDECIDED, Verdict.NOT_COMPARABLE} else "passed")


def test_every_test_has_a_name_of_its_own_and_the_counts_are_right():
    document = render_junit(make_comparison())
    found = list(outcomes(document).values())
    assert len(found) == len(every_verdict())
    suite = parsed(document).find("testsuite")
    told = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    counted = {tag: found.count(tag.removesuffix("s")) for tag in ("failures", "errors")}
    assert told == {"tests": len(found), **counted, "skipped": found.count("skipped")}


def test_times_are_seconds_without_an_exponent_and_absent_where_not_measured():
    slow = make_result("lenet5", Verdict.SAME, make_times(1.1e-7, 1.0))
    root = parsed(render_junit(make_comparison([slow, make_result("vgg16", Verdict.BROKEN)])))
    assert [test.get("time") for test in root.iter("testcase")] == ["0.000000110", None]


@pytest.mark.parametrize("code", [Exit.NO_VERDICT, Exit.NO_COMPARISON, Exit.IDENTITY])
def test_a_comparison_without_a_verdict_is_an_error_even_with_no_case(code):
    found = outcomes(render_junit(make_comparison([], exit=code)))
    assert found == {("zoobench.compare", "the comparison as a whole"): "error"}


def test_hostile_texts_are_valid_xml():
    case = make_result("resnet18", Verdict.BROKEN, reason="]]>\x00\x1b[31m\ud800\ufffe <b>&'\"")
    hostile = msgspec.structs.replace(case, id="a<b>\x01/\x02")
    root = parsed(render_junit(make_comparison([hostile], headline="\x0c<")))
    (test,) = root.iter("testcase")
    assert (test.get("classname"), test.get("name")) == ("zoobench.compare.a<b><U+0001>", "<U+0002>")
    assert "]]><U+0000><U+001B>[31m<U+D800><U+FFFE> <b>&'\"" in test.find("error").text
