from __future__ import annotations

import pytest
from sides import make_case

from zoobench.cases import Allocator, ImageSize
from zoobench.compare.spec import CONVOLUTIONS, NORMALISATIONS, AskedPair, control_pairs
from zoobench.compare.worker.prepared_case import build_control
from zoobench.counting import count_forward
from zoobench.devices import get_device
from zoobench.measure.worker.workload import build_workload

CASE = make_case(threads=3)


def test_controls_are_on_the_device_and_the_threads_of_the_cases() -> None:
    pairs = control_pairs([AskedPair(base=CASE, head=CASE), AskedPair(base=CASE, head=None)])

    assert [pair.head.model for pair in pairs if pair.head] == [CONVOLUTIONS, NORMALISATIONS]
    assert all(pair.base == pair.head and pair.is_control and not pair.needs_own_processes for pair in pairs)
    assert {(case.device, case.threads, case.allocator) for pair in pairs for case in pair.cases} == {
        ("cpu", 3, Allocator.RETAINED)
    }


def test_every_number_of_threads_has_controls_and_no_case_has_none() -> None:
    other = make_case(threads=1)
    assert len(control_pairs([AskedPair(base=CASE, head=CASE), AskedPair(base=other, head=other)])) == 4
    assert control_pairs([]) == ()


@pytest.mark.parametrize(
    "pair", control_pairs([AskedPair(base=CASE, head=CASE)]), ids=lambda pair: pair.head.model.name
)
def test_a_control_is_built_by_the_harness_and_runs(pair: AskedPair) -> None:
    case = make_case(model=pair.cases[0].model, image_size=pair.cases[0].image_size)
    workload = build_workload(case, get_device("cpu"), build=build_control)
    workload.call()
    assert case.resolution == ImageSize(case.image_size, case.image_size)


def test_one_control_computes_and_the_other_moves() -> None:
    intensity = {}
    for pair in control_pairs([AskedPair(base=CASE, head=CASE)]):
        workload = build_workload(pair.cases[0], get_device("cpu"), build=build_control)
        intensity[pair.cases[0].model] = count_forward(workload.module, workload.images).intensity or 0.0
    assert intensity[CONVOLUTIONS] > 50 * intensity[NORMALISATIONS]
