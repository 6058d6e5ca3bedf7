from __future__ import annotations

from zoobench.cases import COUNT_ONLY, Matrix, Precision, catalogue
from zoobench.cases.options import expanded
from zoobench.papers.experiments import counted_models
from zoobench.papers.timed import counted_plans, plans, timed_plans

NARROW = Matrix(device="cpu", threads=1)


def test_every_net_of_a_static_figure_is_counted_at_its_size() -> None:
    cases = [case for plan in counted_plans() for case in expanded(plan.matrix.over(NARROW))]
    assert sorted((case.model, case.resolution) for case in cases) == sorted(counted_models())


def test_nothing_that_is_only_counted_is_called() -> None:
    assert {plan.budget for plan in counted_plans()} == {COUNT_ONLY}


def test_what_is_timed_comes_first() -> None:
    assert plans()[: len(timed_plans())] == timed_plans()
    assert all(plan.matrix.precisions == (Precision.FP32,) for plan in plans())


def test_every_net_takes_its_pictures() -> None:
    for plan in plans():
        for case in expanded(plan.matrix.over(NARROW)):
            catalogue.check_image_size(catalogue.entry_of(case.model), case.resolution)
