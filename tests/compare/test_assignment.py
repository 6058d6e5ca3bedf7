from __future__ import annotations

import msgspec
import pytest
from sides import make_case, matrix

from zoobench.cases import Allocator, Compiler
from zoobench.compare.spec import AskedPair, ComparisonSpec, Injection
from zoobench.records.comparison import ComparisonKind, Rule

CASE = make_case()
COMPILED = make_case(compiler=Compiler.INDUCTOR)
SYSTEM = make_case(allocator=Allocator.SYSTEM)


def test_a_contest_is_named_for_its_case_or_for_both() -> None:
    assert AskedPair(base=CASE, head=CASE).id == CASE.id
    assert AskedPair(base=None, head=CASE).id == AskedPair(base=CASE, head=None).id == CASE.id
    assert AskedPair(base=CASE, head=COMPILED).id == f"{CASE.id} | {COMPILED.id}"
    with pytest.raises(ValueError, match="a case on one side at least"):
        AskedPair(base=None, head=None)


def test_the_systems_heap_needs_processes_of_its_own() -> None:
    assert not AskedPair(base=CASE, head=CASE).needs_own_processes
    assert AskedPair(base=SYSTEM, head=SYSTEM).needs_own_processes
    assert AskedPair(base=CASE, head=SYSTEM).needs_own_processes
    assert AskedPair(base=SYSTEM, head=None).needs_own_processes


def test_it_survives_the_disk() -> None:
    spec = ComparisonSpec(
        kind=ComparisonKind.CASES, rule=Rule(margin_ratio=0.02), seed=7, budget_s=60.0, command=("compare",),
        matrix=matrix("nets:tiny"), pairs=(AskedPair(base=CASE, head=COMPILED),), injection=Injection(ratio=0.05),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(spec), type=ComparisonSpec) == spec
