from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoobench.papers.conventions import DECLARED
from zoobench.papers.found import Counted, Zoo
from zoobench.papers.published import PrintedFigure, Rounding, Status, figures, parse_printed
from zoobench.papers.remarks import is_static, remark_on
from zoobench.papers.verdict import FigureVerdict, Judgement, count_verdicts, judge, judge_all

BY_ID = {figure.id: figure for figure in figures()}
SCALED = {"macs", "parameters", "model_size"}
"""Metrics that grow with the counts; shares and ratios do not, shapes have no size."""

BLOCKS = {"Convolution", "Depthwise Separable Conv", "alpha=0.75", "rho=0.714"}
"""Rows about one block, which nets of other sizes have too."""

PER_CENT = Fraction(1, 100)

KNOWN = [
    # figure, verdict, convention, found
    ("squeezenet/table-1/squeezenet-v1.0/before-pruning/parameters", "reproduced", "", "1248424"),
    ("squeezenet/table-1/squeezenet-v1.0/conv1/output_size/224", "under-convention", "pictures of 227", "111x111x96"),
    ("squeezenet/table-1/squeezenet-v1.0/conv10/parameters/224", "reproduced", "", "513000"),
    ("squeezenet/table-2/squeezenet-v1.0/none-32-bit/model_size", "under-convention", "MiB", "4.762 MB"),
    ("squeezenet/table-2/alexnet/none-32-bit/model_size", "under-convention", "two digits", "243.86 MB"),
    ("mobilenet-v1/table-1/mobilenet-v1/1.0/layer_18/224", "misprint", "", "Conv dw / s1 | 3x3x1024 dw | 7x7x1024"),
    ("mobilenet-v1/table-2/mobilenet-v1-1.0/conv-1x1/macs_share/224", "reproduced", "", "94.8574 %"),
    ("mobilenet-v1/table-2/mobilenet-v1-1.0/conv-3x3/macs_share/224", "misprint", "", "1.9056 %"),
    (
        "mobilenet-v1/table-2/mobilenet-v1-1.0/conv-1x1/parameters_share/224",
        *("under-convention", "weights alone", "74.5906 %"),
    ),
    ("mobilenet-v1/table-4/conv-mobilenet/macs/224", "under-convention", "without classifier", "4866.27 M"),
    ("mobilenet-v1/table-5/shallow-mobilenet/macs/224", "reproduced", "", "307.32 M"),
    ("mobilenet-v1/table-6/1.0-mobilenet-224/macs/224", "reproduced", "", "568.74 M"),
    ("mobilenet-v1/table-7/1.0-mobilenet-160/macs/160", "under-convention", "truncated", "290.68 M"),
    ("mobilenet-v1/table-9/0.50-mobilenet-160/macs/160", "under-convention", "truncated", "76.52 M"),
    ("mobilenet-v1/table-9/0.50-mobilenet-160/parameters/160", "under-convention", "weights alone", "1.3196 M"),
    ("mobilenet-v1/table-9/squeezenet/macs", "misprint", "", "861.34 M"),
    ("shufflenet-v1/table-1/shufflenet-1x/g-2/macs/224", "under-convention", "without classifier", "140.04 M"),
    ("shufflenet-v1/table-5/shufflenet-1.5x-g-3/macs/224", "reproduced", "", "292.44 M"),
    ("shufflenet-v1/table-5/shufflenet-2x-with-se-g-3/macs/224", "reproduced", "", "526.93 M"),
    ("shufflenet-v1/table-6/squeezenet/macs/224", "under-convention", "pictures of 227", "832.67 M"),
    ("shufflenet-v1/sec-4.3/shufflenet/depth", "reproduced", "", "50"),
    ("xception/table-3/xception/parameters/299", "reproduced", "", "22855952"),
    (
        "xception/table-3/inception-v3/parameters/299",
        *("not-reproducible", "batch norm without scale", "23817352"),
    ),
    ("xception/sec-3/xception/conv_layers", "reproduced", "", "36"),
    ("mobilenetv2/table-4/mobilenetv1/macs/224", "not-reproducible", "", "568.74 M"),
    ("mobilenetv2/table-4/mobilenetv2/parameters/224", "under-convention", "weights alone, truncated", "3.470 M"),
    ("mobilenetv2/table-4/mobilenetv2-1.4/parameters/224", "not-reproducible", "", "6.109 M"),
    ("shufflenetv2/table-5/shufflenetv2/0.5x/macs/224", "not-reproducible", "", "40.48 M"),
    ("shufflenetv2/table-5/shufflenetv2/1x/macs/224", "under-convention", "authors' shortcut", "145.81 M"),
    ("shufflenetv2/table-5/shufflenetv2/2x/macs/224", "under-convention", "authors' shortcut", "590.78 M"),
    (
        "shufflenetv2/table-8/shufflenet-v2-2x-with-se/500m-level/macs/224",
        "under-convention",
        "authors' shortcut",
        "596.74 M",
    ),
    ("shufflenetv2/table-8/xception-2x-our-impl./500m-level/macs/224", "not-comparable", "", ""),
    ("mobilenet-v1/table-6/1.0-mobilenet-224/top1_accuracy/224", "not-comparable", "", ""),
    ("shufflenet-v1/table-8/alexnet/inference_time/224", "not-comparable", "", ""),
]
"""Facts from the tables themselves and from closed forms, which were worked out before the code that judges."""


@pytest.fixture(scope="module")
def judged(paper_records) -> dict[str, Judgement]:
    return {judgement.figure.id: judgement for judgement in judge_all(paper_records)}


@pytest.mark.parametrize(("figure", "verdict", "convention", "found"), KNOWN, ids=[row[0] for row in KNOWN])
def test_known_figures_are_judged_as_known(judged, figure, verdict, convention, found) -> None:
    judgement = judged[figure]
    assert (judgement.verdict, judgement.convention, judgement.found_text) == (verdict, convention, found)


def test_every_figure_has_one_judgement_in_the_order_of_the_tables(paper_records) -> None:
    assert tuple(judgement.figure for judgement in judge_all(paper_records)) == figures()


def test_with_every_net_counted_nothing_is_left_unmeasured(judged) -> None:
    assert count_verdicts(judged.values())[FigureVerdict.NOT_MEASURED] == 0


def test_whatever_is_not_reproduced_says_why(judged) -> None:
    assert all(judgement.note for judgement in judged.values() if judgement.verdict is not FigureVerdict.REPRODUCED)


def test_what_nothing_explains_has_a_remark_and_its_nearest_figure(judged) -> None:
    off = [judgement for judgement in judged.values() if judgement.verdict is FigureVerdict.NOT_REPRODUCIBLE]
    assert all(remark_on(judgement.figure) and judgement.found_text for judgement in off)
    assert all(judgement.difference_ratio for judgement in off)


def test_a_figure_that_was_not_read_says_so(judged) -> None:
    counted = [each for each in judged.values() if each.found_text and each.figure.status is not Status.READ]
    assert counted
    assert all("printed figure from memory" in each.note for each in counted)


def test_without_records_nothing_is_claimed() -> None:
    verdicts = {judgement.verdict for judgement in judge_all(())}
    assert verdicts == {FigureVerdict.NOT_MEASURED, FigureVerdict.NOT_COMPARABLE}
    unmeasured = next(each for each in judge_all(()) if each.verdict is FigureVerdict.NOT_MEASURED)
    assert (unmeasured.found, unmeasured.found_text, unmeasured.difference_ratio) == (None, "", None)


def test_a_net_whose_baseline_was_not_counted_is_not_measured(zoo) -> None:
    figure = BY_ID["squeezenet/table-2/squeezenet-v1.0/none-32-bit/size_reduction"]
    alone = {net: counted for net, counted in zoo.items() if net.model.name != "alexnet_2012"}
    assert judge(figure, alone).verdict is FigureVerdict.NOT_MEASURED


def test_a_figure_is_not_given_up_while_a_convention_s_net_is_uncounted(zoo, judged) -> None:
    needed = {each.net for declaration in DECLARED for each in declaration.conventions if each.net}
    some = {net: counted for net, counted in zoo.items() if net not in needed}
    for judgement in judged.values():
        again = judge(judgement.figure, some)
        if again.verdict is FigureVerdict.NOT_REPRODUCIBLE:
            assert judgement.verdict is FigureVerdict.NOT_REPRODUCIBLE, judgement.figure.id
    conv1 = next(each for each in judged if "output_size" in each and "conv1" in each)
    assert judged[conv1].verdict is FigureVerdict.UNDER_CONVENTION
    assert judge(judged[conv1].figure, some).verdict is FigureVerdict.NOT_MEASURED


def test_reproduced_is_a_matter_of_printed_digits_alone(judged) -> None:
    """By another way than the judge's: the found number, formatted with the printed one's decimals."""
    for judgement in judged.values():
        figure = judgement.figure
        if judgement.verdict is FigureVerdict.REPRODUCED and figure.unit == "M":
            decimals = len(figure.value.partition(".")[2])
            assert f"{judgement.found / 1e6:.{decimals}f}" == figure.value


@pytest.mark.parametrize("factor", [1 + PER_CENT, 1 - PER_CENT])
def test_a_count_that_is_one_per_cent_wrong_is_never_called_reproduced(zoo, factor) -> None:
    """Where the printed digits can tell 1 %: of 41 M they cannot."""
    wrong = scaled(zoo, factor)
    told = [each for each in reproduced_counts(zoo) if abs(factor - 1) * Fraction(each.found) > step(each.figure)]
    assert len(told) > 40
    for judgement in told:
        verdict = judge(judgement.figure, wrong).verdict
        assert verdict is FigureVerdict.NOT_REPRODUCIBLE, judgement.figure.id


@given(st.fractions(Fraction(9, 10), Fraction(11, 10), max_denominator=10**4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_wrong_count_is_reproduced_only_if_it_is_printed_alike(zoo, factor) -> None:
    wrong = scaled(zoo, factor)
    for judgement in reproduced_counts(zoo):
        again = judge(judgement.figure, wrong)
        printed = parse_printed(judgement.figure.value, judgement.figure.unit)
        assert (again.verdict is FigureVerdict.REPRODUCED) == printed.agrees(
            _plain(again, factor, judgement), Rounding.NEAREST
        )


def test_another_net_in_a_nets_place_is_not_reproduced(zoo) -> None:
    """Every net of the zoo in place of each: no figure of multiply-accumulates is met by one of another size."""
    whole = [
        each for each in reproduced_counts(zoo) if each.figure.metric == "macs" and each.figure.variant not in BLOCKS
    ]
    for judgement in whole:
        for counted in zoo.values():
            if abs(counted.macs / judgement.found - 1) > 0.03:
                everywhere = dict.fromkeys(zoo, counted)
                assert judge(judgement.figure, everywhere).verdict is not FigureVerdict.REPRODUCED


def test_counts_of_verdicts_add_up(judged) -> None:
    assert sum(count_verdicts(judged.values()).values()) == len(figures())
    static = [each for each in judged.values() if is_static(each.figure)]
    assert count_verdicts(static)[FigureVerdict.REPRODUCED] == count_verdicts(judged.values())[FigureVerdict.REPRODUCED]


def reproduced_counts(zoo: Zoo) -> Iterator[Judgement]:
    judgements = (judge(figure, zoo) for figure in figures() if figure.metric in SCALED)
    return (each for each in judgements if each.verdict is FigureVerdict.REPRODUCED)


def step(figure: PrintedFigure) -> Fraction:
    printed = parse_printed(figure.value, figure.unit)
    assert printed is not None
    return printed.step


def scaled(zoo: Zoo, factor: Fraction) -> Zoo:
    """Every count of every layer times the factor, to the nearest whole."""
    return {net: _scaled(counted, factor) for net, counted in zoo.items()}


def _scaled(counted: Counted, factor: Fraction) -> Counted:
    return Counted(
        tuple(
            msgspec.structs.replace(
                layer,
                macs=round(layer.macs * factor),
                weights=round(layer.weights * factor),
                parameters=round(layer.parameters * factor),
            )
            for layer in counted.layers
        )
    )


def _plain(again: Judgement, factor: Fraction, judgement: Judgement) -> Fraction:
    """The plain count behind a judgement: found itself, unless a convention came nearer."""
    return Fraction(again.found) if not again.convention else Fraction(judgement.found) * factor
