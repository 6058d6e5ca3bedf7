from io import StringIO

import msgspec
import pytest
from rich.console import Console
from synthetic import make_comparison, make_result, make_times

from zoobench.records.comparison import Exit, Rule, Verdict
from zoobench.report.comparison.table import MOST_ROWS, ComparisonView


def printed(comparison, width=160, **console):
    file = StringIO()
    Console(file=file, width=width, **console).print(ComparisonView(comparison))
    return file.getvalue()


@pytest.mark.parametrize("width", [200, 80])
def test_every_verdict(golden, width):
    golden(f"table_{width}.txt", printed(make_comparison(), width))


@pytest.mark.parametrize("width", [200, 120, 80, 40])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, printed(make_comparison(), width).splitlines())) <= width


@pytest.mark.parametrize("width", [200, 40])
def test_everything_is_printed_at_every_width(width):
    text = "".join(printed(make_comparison(), width).split())
    for said in (
        "squeezenet1_1",
        "+31.0%(+28.4%…+33.6%)",
        "<0.0001",
        "12,2dropped",
        "11,689,512",
        "2undecided:couldhavemissedupto+9.2%",
    ):
        assert said in text


def test_there_is_colour_on_a_terminal_and_nowhere_else():
    assert "\x1b" not in printed(make_comparison())
    assert "\x1b[1;31mslower" in printed(make_comparison(), force_terminal=True, color_system="standard")


def test_what_did_not_change_is_only_counted():
    text = printed(make_comparison([make_result("alexnet", Verdict.SAME, make_times(1.0, 1.0, 0.03))], controls=()))
    assert "not shown: 1 same: could have missed up to +3.0 %" in text
    assert "alexnet" not in text


def test_a_reason_that_all_share_is_printed_once():
    reason = "one process against 1"
    cases = [make_result(net, Verdict.UNDECIDED, make_times(width=None), reason=reason) for net in ("vgg16", "alexnet")]
    assert f"\nnot shown: 2 undecided: {reason}\n" in printed(make_comparison(cases))
    other = make_result("resnet18", Verdict.UNDECIDED, make_times(width=None), reason="another")
    assert "\nnot shown: 3 undecided\n" in printed(make_comparison([*cases, other]))


def test_a_strict_comparison_shows_every_case_without_a_verdict():
    strict = make_comparison(rule=Rule(margin_ratio=0.05, is_strict=True))
    assert "mobilenet_v2/b1/224" in printed(strict)
    assert "densenet161" in printed(strict)
    assert "mobilenet_v2/b1/224" not in printed(make_comparison())


def test_a_control_that_changed_is_named():
    control = make_result("lenet5", Verdict.SLOWER, make_times(0.01, 1.2))
    assert f"control {control.id}: slower, +20.0 % (+17.6 % … +22.4 %)" in printed(make_comparison(controls=(control,)))


def test_a_comparison_of_nothing_gives_the_reason():
    text = printed(make_comparison([], exit=Exit.NO_COMPARISON, controls=(), headline="Nothing was compared."))
    sides = "base main (1111111111)\nhead working tree (2222222222, with changes)\n"
    assert text.startswith(f"Nothing was compared.\n{sides}")
    assert "problem: control control:convolutions" in text


def test_thousands_of_changes_are_cut_with_a_line_that_counts_them():
    cases = [
        msgspec.structs.replace(make_result("resnet18", Verdict.SLOWER, make_times(1.0, 1.1)), id=f"m:{index}/infer")
        for index in range(5000)
    ]
    text = printed(make_comparison(cases))
    assert len(text.splitlines()) < MOST_ROWS + 30
    assert "… and 4,900 more changes: compare.json has all of them" in text


def test_hostile_names_are_text():
    case = make_result("resnet18", Verdict.SLOWER, make_times(), reason="[red]:smile:\x1b[31m\nsecond")
    hostile = msgspec.structs.replace(case, id="[bold]a\x07/b")
    text = printed(make_comparison([hostile], headline="[link=x]"), force_terminal=True, color_system=None)
    assert "[bold]a<U+0007>" in text
    assert "[red]:smile:<U+001B>[31m second" in text
    assert text.startswith("[link=x]\n")
