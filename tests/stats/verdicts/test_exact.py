from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoobench.records.comparison import ExactChange
from zoobench.records.metrics import METRICS, Better, Exactness
from zoobench.stats.verdicts.differences import EXACT_METRICS, exact_changes, vanished

facts = st.dictionaries(st.sampled_from([metric.key for metric in METRICS]), st.integers(0, 3).map(float))


def test_more_parameters_are_worse_and_fewer_multiplications_better() -> None:
    changes = exact_changes({"parameters": 10.0, "macs": 5.0}, {"parameters": 11.0, "macs": 4.0})
    assert changes == (
        ExactChange(metric="parameters", base=10.0, head=11.0, is_worse=True),
        ExactChange(metric="macs", base=5.0, head=4.0, is_worse=False),
    )


def test_where_more_is_better_less_is_worse() -> None:
    [change] = exact_changes({"allowed_share": 1.0}, {"allowed_share": 0.5})
    assert change.is_worse


def test_a_metric_with_no_better_direction_is_told_and_not_judged() -> None:
    [change] = exact_changes({"fvcore_macs": 5.0}, {"fvcore_macs": 6.0})
    assert change.is_worse is None


def test_noisy_and_unknown_metrics_are_not_compared() -> None:
    assert exact_changes({"latency": 1.0, "from a plug-in": 1.0}, {"latency": 2.0, "from a plug-in": 2.0}) == ()


def test_a_metric_of_one_side_alone_is_no_change_but_is_told() -> None:
    assert exact_changes({"macs": 5.0}, {"parameters": 5.0}) == ()
    assert vanished({"macs": 5.0}, {"parameters": 5.0}) == ("macs",)


@given(facts, facts)
def test_swapped_sides_turn_every_judgement_round(base: dict[str, float], head: dict[str, float]) -> None:
    there = {change.metric: change for change in exact_changes(head, base)}
    here = {change.metric: change for change in exact_changes(base, head)}
    assert here.keys() == there.keys()
    for metric, change in here.items():
        expected = None if change.is_worse is None else not change.is_worse
        assert there[metric] == ExactChange(metric=metric, base=change.head, head=change.base, is_worse=expected)


@given(facts)
def test_equal_facts_have_not_changed(of: dict[str, float]) -> None:
    assert (exact_changes(of, of), vanished(of, of)) == ((), ())


def test_the_exact_metrics_are_those_of_the_table() -> None:
    keys = {metric.key for metric in EXACT_METRICS}
    assert {"parameters", "macs", "predicted_peak"} <= keys
    assert all(metric.comparison is Exactness.EXACT for metric in EXACT_METRICS)
    assert any(metric.better is Better.NEITHER for metric in EXACT_METRICS)
