from __future__ import annotations

from collections.abc import Callable

from zoobench.cases import catalogue


def test_the_whole_zoo(program: Callable, golden: Callable) -> None:
    outcome = program("list")
    assert (outcome.code, outcome.err) == (0, "")
    golden("list", outcome.out)
    assert [line.split()[0] for line in outcome.out.splitlines()[2:]] == [entry.name for entry in catalogue.entries()]


def test_some_families(program: Callable, golden: Callable) -> None:
    outcome = program("list", "--family", "alexnet", "--family", "lenet")
    assert (outcome.code, outcome.err) == (0, "")
    golden("list_family", outcome.out)


def test_a_star_marks_the_default_suite(program: Callable) -> None:
    marked = {line.split()[0] for line in program("list").out.splitlines() if line.split()[1:2] == ["*"]}
    assert marked == {entry.name for entry in catalogue.entries() if entry.is_default}
    assert "vgg16" in marked


def test_an_unknown_family_is_answered_with_the_nearest(refusal: Callable) -> None:
    assert refusal("list", "--family", "resnets") == "unknown family 'resnets': did you mean resnet, resnext or regnet?"
