from __future__ import annotations

import pytest

from zoobench.papers.experiments import printed_net_of
from zoobench.papers.published import figures
from zoobench.papers.remarks import is_static, why_not_comparable

BY_ID = {figure.id: figure for figure in figures()}


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        ("mobilenet-v1/table-6/0.5-mobilenet-224/top1_accuracy/224", "accuracy of the authors' training"),
        ("shufflenet-v1/table-8/alexnet/inference_time/480x640", "Snapdragon 820): see the claims on speed"),
        ("mobilenetv3/table-3/v3-large-1.0/float/latency_pixel2/224", "a Pixel 2 phone)"),
        ("squeezenet/table-1/squeezenet-v1.0/after-pruning/parameters", "pruned or quantised"),
        ("mobilenet-v1/table-1/mobilenet-v1/1.0/layer_22/224", "softmax is no layer"),
        ("shufflenetv2/table-8/xception-0.5x-our-impl./40m-level/macs/224", "not Chollet's"),
        ("mobilenetv3/table-3/mnasnet-a1/float/macs/224", "mnasnet is B1"),
    ],
)
def test_the_reason_says_what_stands_in_the_way(figure, reason) -> None:
    assert reason in why_not_comparable(BY_ID[figure])


def test_facts_of_a_net_are_what_is_no_accuracy_and_no_time() -> None:
    units = {figure.unit for figure in figures() if not is_static(figure)}
    assert units == {"%", "fraction", "ms", "images/s", "batches/s", "steps/s"}
    assert not {figure.unit for figure in figures() if is_static(figure)} & (units - {"%"})


def test_a_comparable_figure_has_an_experiment() -> None:
    comparable = [figure for figure in figures() if not why_not_comparable(figure)]
    assert all(printed_net_of(figure) for figure in comparable)
    assert all(is_static(figure) for figure in comparable)
