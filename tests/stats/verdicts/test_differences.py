from __future__ import annotations

import msgspec
import pytest
from contested import make_environment
from hypothesis import given
from hypothesis import strategies as st

from zoobench.cases import DeviceFacts
from zoobench.records import Environment
from zoobench.records.comparison import Difference
from zoobench.stats.verdicts.differences import environment_differences

HERE = make_environment()


def changed(group: str, fact: str, value: str) -> Environment:
    return msgspec.structs.replace(HERE, **{group: {**getattr(HERE, group), fact: value}})


def test_equal_environments_have_no_differences() -> None:
    assert environment_differences([HERE], [make_environment()]) == ()


@pytest.mark.parametrize(
    ("group", "fact", "value"),
    [
        ("host", "processor", "Another CPU"),
        ("host", "usable_threads", "8"),
        ("software", "torch", "2.15.0"),
        ("software", "torchvision", "0.30.0"),
        ("settings", "instruction_set", "AVX2"),
        ("settings", "OMP_NUM_THREADS", "1"),
    ],
)
def test_what_changes_the_speed_of_torch_matters(group: str, fact: str, value: str) -> None:
    [difference] = environment_differences([HERE], [changed(group, fact, value)])
    before = getattr(HERE, group).get(fact, "")
    assert difference == Difference(fact=fact, base=before, head=value, matters=True)


@pytest.mark.parametrize(("group", "fact"), [("host", "system"), ("software", "numpy"), ("software", "libc")])
def test_other_facts_are_told(group: str, fact: str) -> None:
    [difference] = environment_differences([HERE], [changed(group, fact, "another")])
    assert (difference.fact, difference.matters) == (fact, False)


def test_of_python_the_minor_version_matters() -> None:
    [patch] = environment_differences([HERE], [changed("software", "python", "3.11.9")])
    minor, _ = environment_differences([HERE], [changed("software", "python", "3.12.7")])
    assert (patch.matters, minor.matters) == (False, True)


def test_facts_of_no_weight_are_not_told() -> None:
    assert environment_differences([HERE], [changed("host", "load_before", "3.2")]) == ()
    assert environment_differences([HERE], [changed("software", "zoobench", "0.2.0")]) == ()


def test_only_devices_that_were_measured_on_matter() -> None:
    base, head = (
        msgspec.structs.replace(HERE, devices=(DeviceFacts(name="cuda", is_available=True, model=model),))
        for model in ("H100", "H200")
    )
    assert environment_differences([base], [head], devices=["cpu"]) == ()
    [difference] = environment_differences([base], [head], devices=["cuda"])
    assert (difference.base, difference.head, difference.matters) == ("H100", "H200", True)


def test_nothing_matters_between_sides_that_are_measured_together() -> None:
    [difference] = environment_differences([HERE], [changed("software", "torch", "2.15.0")], are_measured_together=True)
    assert not difference.matters


def test_runs_of_one_side_must_agree_too() -> None:
    other = changed("software", "torch", "2.15.0")
    [difference] = environment_differences([HERE, other], [HERE, other])
    assert (difference.base, difference.head) == ("2.14.1, 2.15.0", "2.14.1, 2.15.0")


@given(st.dictionaries(st.sampled_from(["processor", "cores", "system"]), st.text(max_size=2)))
def test_differences_turn_round_with_the_sides(facts: dict[str, str]) -> None:
    other = msgspec.structs.replace(HERE, host={**HERE.host, **facts})
    here = {one.fact: one for one in environment_differences([HERE], [other])}
    there = {one.fact: one for one in environment_differences([other], [HERE])}
    assert here.keys() == there.keys()
    for fact, one in here.items():
        assert there[fact] == Difference(fact=fact, base=one.head, head=one.base, matters=one.matters)
