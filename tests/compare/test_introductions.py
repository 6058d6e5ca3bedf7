from __future__ import annotations

import pytest
from sides import make_case, matrix

from zoobench.cases import BadInputError
from zoobench.compare.messages import Listed
from zoobench.compare.pilot import devices_of, modules_of, pairs_of
from zoobench.compare.spec import AskedPair, ComparisonSpec
from zoobench.records.comparison import ComparisonKind, Rule

A, B, C = (make_case(f"nets:{name}") for name in "abc")
B_OTHERWISE = make_case("nets:b", image_size=32)


def listed(*cases: object, **unknown: str) -> Listed:
    return Listed(cases=cases, unknown=unknown)  # type: ignore[arg-type]


def spec(*models: str, pairs: tuple[AskedPair, ...] = (), **axes: object) -> ComparisonSpec:
    return ComparisonSpec(
        kind=ComparisonKind.COMMITS, rule=Rule(margin_ratio=0.05), seed=1, budget_s=60.0, pairs=pairs,
        matrix=matrix(*models, **axes) if models else None,
    )  # fmt: skip


def test_the_heads_cases_come_first_and_then_models_that_only_the_base_has() -> None:
    pairs = pairs_of(listed(A, B_OTHERWISE, C), listed(B, A))
    assert pairs == (AskedPair(base=B, head=B), AskedPair(base=A, head=A), AskedPair(base=C, head=C))


def test_a_model_that_one_side_knows_is_no_mistake_and_one_that_neither_knows_is() -> None:
    assert pairs_of(listed(A), listed(a="unknown model 'a'")) == (AskedPair(base=A, head=A),)
    with pytest.raises(BadInputError, match=r"^unknown model 'a': did you mean b\? \(on both sides\)$"):
        pairs_of(listed(a="unknown model 'a'"), listed(a="unknown model 'a': did you mean b?"))


def test_the_modules_of_factories_are_to_be_imported() -> None:
    pairs = (AskedPair(base=A, head=A), AskedPair(base=None, head=make_case("other.nets:net")))
    asked = spec("nets.wide:net", "import:nets:a", "lenet5", "nets.wide:other", pairs=pairs)
    assert list(modules_of(asked)) == ["nets", "other.nets", "nets.wide"]
    assert list(modules_of(spec())) == []


def test_devices_with_an_index_are_told_apart() -> None:
    pairs = (AskedPair(base=A, head=make_case(device="cuda:1")),)
    assert list(devices_of(spec("nets:a", pairs=pairs, device="cuda:0"))) == ["cuda:0", "cuda:1"]
