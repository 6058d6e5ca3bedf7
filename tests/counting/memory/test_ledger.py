"""The ledger of storages, against one kept by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from zoobench.counting.memory import NOTHING, Backend, Category, Ledger, TracePhase, cpu_onednn

ATEN = torch.ops.aten
FLOAT_BYTES = 4


def ledger(held_bytes: dict[Category, int] | None = None, backend: Backend = NOTHING) -> Ledger:
    return Ledger(held_bytes or {}, backend)


def make(account: Ledger, elements: int) -> Tensor:
    """A tensor of so many elements, as an operator's result."""
    made = torch.empty(elements)
    account.observe(ATEN.empty.memory_format, [[elements]], {}, made)
    return made


@given(st.lists(st.one_of(st.integers(1, 64), st.integers(-8, -1)), max_size=40))
def test_the_peak_is_that_of_any_history_of_making_and_dropping(history: list[int]) -> None:
    """A positive number makes a tensor with that many elements, a negative one frees the tensor of that age."""
    account = ledger()
    alive: list[Tensor] = []
    highest = 0
    for step in history:
        if step > 0:
            alive.append(make(account, step))
        elif -step <= len(alive):
            del alive[step]
        highest = max(highest, sum(tensor.numel() for tensor in alive))

    assert account.peak().total_bytes == FLOAT_BYTES * highest


def test_a_view_is_no_memory_and_keeps_its_base_alive() -> None:
    account = ledger()
    view = make(account, 100)[:10]
    account.observe(ATEN.slice.Tensor, [view], {}, view)
    make(account, 1)

    assert account.peak().total_bytes == FLOAT_BYTES * 101


def test_what_was_there_before_the_call_is_not_entered_through_a_view() -> None:
    account = ledger({Category.WEIGHTS: 1000})
    weight = torch.empty(10, 10)
    account.observe(ATEN.t.default, [weight], {}, weight.t())

    assert account.peak().bytes_by_category == {Category.WEIGHTS: 1000}


def test_a_result_of_several_tensors_over_one_storage_is_entered_once() -> None:
    account = ledger()
    base = torch.empty(10)
    account.observe(ATEN.split.Tensor, [], {}, (base[:5], base[5:]))

    assert account.peak().total_bytes == FLOAT_BYTES * 10


def test_what_forward_leaves_is_saved_and_what_backward_gives_parameters_is_gradient() -> None:
    account = ledger()
    kept, dropped = make(account, 10), make(account, 1)
    del dropped
    account.end_phase([])
    account.phase = TracePhase.BACKWARD
    gradient, passing = make(account, 20), make(account, 5)
    account.end_phase([gradient])
    peak = account.peak()

    assert peak.phase is TracePhase.BACKWARD
    assert peak.bytes_by_category == {
        Category.GRADIENTS: FLOAT_BYTES * gradient.numel(),
        Category.SAVED: FLOAT_BYTES * kept.numel(),
        Category.TEMPORARIES: FLOAT_BYTES * passing.numel(),
    }


@pytest.mark.parametrize(("workspace", "operator"), [(0, "aten.empty"), (4000, "aten.relu")])
def test_workspace_counts_only_while_its_operator_runs(workspace: int, operator: str) -> None:
    account = Ledger({}, Backend("fixed", {ATEN.relu: lambda *_, **__: workspace}), lambda: "the layer")
    small = make(account, 10)
    account.observe(ATEN.relu.default, [small], {}, small)
    large = make(account, 500)
    peak = account.peak()

    assert large.numel() == 500
    assert peak.operator == operator
    assert peak.path == "the layer"
    assert peak.workspace_bytes == workspace
    assert peak.total_bytes == max(FLOAT_BYTES * 510, FLOAT_BYTES * 10 + workspace)


def test_before_the_first_operator_the_peak_is_what_is_held() -> None:
    peak = ledger({Category.WEIGHTS: 12, Category.OPTIMIZER: 0}).peak()

    assert peak.bytes_by_category == {Category.WEIGHTS: 12}
    assert (peak.operator, peak.path) == ("", "")


def test_an_operator_of_ones_own_has_the_workspace_that_it_is_given() -> None:
    twice: Callable[..., int] = lambda x, *, out: 2 * x.numel() + out.numel()  # noqa: E731
    backend = cpu_onednn(threads=1, extra={ATEN.cumsum: twice})

    assert backend.workspace_bytes(ATEN.cumsum.default, [torch.empty(5)], {}, torch.empty(5)) == 15
    assert backend.workspace_bytes(ATEN.relu.default, [torch.empty(5)], {}, torch.empty(5)) == 0
