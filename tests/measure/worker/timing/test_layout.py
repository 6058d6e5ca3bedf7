from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import layout_tasks
import pytest
import torch
from torch import Tensor, nn

from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.worker import layout as layout_module
from zoobench.measure.worker.layout import FixedLayout, ShuffledLayout
from zoobench.measure.worker.workload import TrainingStep

PADDING_BYTES = 8 * 2**21
"""The most that lies beside the storages."""


def unbounded() -> None:
    return None


def layout_of(*tensors: Tensor, seed: int = 0, free_bytes: Callable[[], int | None] = unbounded) -> ShuffledLayout:
    return ShuffledLayout(lambda: tensors, free_bytes, seed=seed)


def addresses(tensors: Iterable[Tensor]) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]


def facts(tensor: Tensor) -> tuple[Any, ...]:
    """All of a tensor but where it lies."""
    return (id(tensor), type(tensor), tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype,
            tensor.requires_grad, tensor.is_leaf, tensor.tolist())  # fmt: skip


PLAIN = {
    "weights": lambda: nn.Parameter(torch.randn(4, 3)),
    "frozen": lambda: nn.Parameter(torch.randn(4, 3), requires_grad=False),
    "double": lambda: torch.arange(6.0, dtype=torch.float64),
    "half": lambda: torch.arange(6.0).bfloat16(),
    "whole numbers": lambda: torch.arange(6),
    "truths": lambda: torch.tensor([True, False]),
    "one number": lambda: torch.tensor(7),
    "channels last": lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "transposed": lambda: torch.randn(3, 4).t(),
    "every second": lambda: torch.arange(12.0)[3::2],
    "expanded": lambda: torch.arange(3.0).expand(4, 3),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_everything_but_the_address_stays(kind: str) -> None:
    tensor = PLAIN[kind]()
    before, at = facts(tensor), tensor.data_ptr()

    assert layout_of(tensor).shuffle()

    assert facts(tensor) == before
    assert tensor.data_ptr() != at


def test_channels_last_weights_stay_so() -> None:
    module = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    layout_of(*module.parameters()).shuffle()

    assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert not module.weight.is_contiguous()


def test_views_go_on_sharing_a_storage_and_nothing_else_does() -> None:
    base = torch.arange(12.0)
    row, tied, other = base.view(3, 4)[1], nn.Parameter(base), torch.arange(12.0)

    layout_of(base, other, row, tied).shuffle()
    base[5] = -1.0

    assert row.tolist() == [4.0, -1.0, 6.0, 7.0]
    assert tied[5].item() == -1.0
    assert other.tolist() == [float(n) for n in range(12)]


def test_tied_weights_stay_tied() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight

    layout_of(*module.parameters(), *module.parameters()).shuffle()

    assert module[1].weight is module[0].weight
    assert len({id(parameter) for parameter in module.parameters()}) == 3


def test_what_is_not_among_the_tensors_keeps_its_values() -> None:
    base = torch.arange(4.0)
    outside = base[:2]

    layout_of(base).shuffle()
    base.zero_()

    assert outside.tolist() == [0.0, 1.0]


def test_a_tensor_without_elements_lies_nowhere() -> None:
    empty, full = torch.empty(0, 3), torch.ones(3)

    assert layout_of(empty, full).shuffle()
    assert empty.shape == (0, 3)
    assert not layout_of(empty).shuffle()
    assert not layout_of().shuffle()


def test_addresses_change_with_every_shuffle() -> None:
    tensors = [torch.randn(1000) for _ in range(20)]
    layout = layout_of(*tensors)
    seen = [addresses(tensors)]
    for _ in range(5):
        layout.shuffle()
        seen.append(addresses(tensors))

    assert len({tuple(found) for found in seen}) == len(seen)
    orders = {tuple(sorted(range(20), key=found.__getitem__)) for found in seen}
    assert len(orders) > 1, "not only the whole is elsewhere: one lies before the other, then behind it"


def test_storages_are_moved_in_an_order_of_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = [torch.ones(8) for _ in range(10)]
    numbers = {id(tensor): number for number, tensor in enumerate(tensors)}
    moved: list[int] = []
    monkeypatch.setattr(layout_module, "_move", lambda sharing: moved.append(numbers[id(sharing[0])]))
    layout = layout_of(*tensors)

    layout.shuffle()
    layout.shuffle()

    assert sorted(moved[:10]) == sorted(moved[10:]) == list(range(10))
    assert len({tuple(range(10)), tuple(moved[:10]), tuple(moved[10:])}) == 3


def test_offsets_within_pages_change() -> None:
    """Which cache sets a storage competes for is in the lower bits of its address."""
    tensor = torch.randn(1000)
    layout = layout_of(tensor, *(torch.randn(1000) for _ in range(5)))
    offsets = set()
    for _ in range(16):
        layout.shuffle()
        offsets.add(tensor.data_ptr() % 4096)

    assert len(offsets) > 4


def test_state_that_appears_later_is_moved_too() -> None:
    tensors = [torch.ones(8)]
    layout = ShuffledLayout(lambda: tensors, unbounded, seed=0)
    layout.shuffle()
    tensors.append(late := torch.ones(8))
    at = late.data_ptr()

    layout.shuffle()

    assert late.data_ptr() != at


# Training goes on


def make_step() -> tuple[nn.Module, TrainingStep]:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    step = TrainingStep(module, torch.randn(4, 3, 9, 9), contextlib.nullcontext, scales_loss=False)
    step._optimizer.param_groups[0]["lr"] = 0.1  # so that an error in the momentum shows
    return module, step


def train(step: TrainingStep, layout: FixedLayout | ShuffledLayout, steps: int) -> None:
    for _ in range(steps):
        layout.shuffle()
        for phase in step.phases:
            phase.run()


def resting(step: TrainingStep) -> list[Tensor]:
    step.rest()
    return step.held_tensors()


def test_training_goes_on_to_the_same_numbers() -> None:
    (still, still_step), (moved, moved_step) = make_step(), make_step()

    train(still_step, FixedLayout(), 6)
    train(moved_step, ShuffledLayout(lambda: resting(moved_step), unbounded, seed=1), 6)

    for (name, expected), found in zip(still.state_dict().items(), moved.state_dict().values(), strict=True):
        assert torch.equal(expected, found), name
    for expected, found in zip(resting(still_step), resting(moved_step), strict=True):
        assert torch.equal(expected, found)


def test_momentum_moves_and_stays_the_optimizers() -> None:
    _, step = make_step()
    layout = ShuffledLayout(lambda: resting(step), unbounded, seed=1)
    train(step, layout, 1)
    momenta = [state["momentum_buffer"] for state in step._optimizer.state.values()]
    at, values = addresses(momenta), [momentum.clone() for momentum in momenta]

    layout.shuffle()

    assert all(before != now for before, now in zip(at, addresses(momenta), strict=True))
    assert all(map(torch.equal, values, momenta))
    kept = [state["momentum_buffer"] for state in step._optimizer.state.values()]
    assert [*map(id, kept)] == [*map(id, momenta)]


def test_a_graph_that_was_recorded_before_is_not_torn() -> None:
    """Autograd keeps what it saved; version counters do not move, so that it does not think it overwritten."""
    weights = nn.Parameter(torch.tensor([2.0, 3.0]))
    loss = (weights**2).sum()

    layout_of(weights).shuffle()
    loss.backward()

    assert weights.grad is not None
    assert weights.grad.tolist() == [4.0, 6.0]


# Room


def test_where_there_is_no_room_nothing_moves() -> None:
    tensors = [torch.randn(1000) for _ in range(4)]
    at = addresses(tensors)

    assert not layout_of(*tensors, free_bytes=lambda: 1000).shuffle()
    assert addresses(tensors) == at


def test_room_is_for_every_storage_once_more_and_for_the_padding() -> None:
    tensors = [torch.randn(1000), torch.randn(500)]
    tensors.append(tensors[0][:10])
    needed = 1500 * 4 + 2 * 2**16 + PADDING_BYTES

    assert layout_of(*tensors, free_bytes=lambda: needed).shuffle()
    assert not layout_of(*tensors, free_bytes=lambda: needed - 1).shuffle()


def test_padding_is_given_back_before_the_room_is_looked_at() -> None:
    alive: list[int] = []
    layout = layout_of(torch.ones(8), free_bytes=lambda: alive.append(len(layout._padding)) or None)

    for _ in range(3):
        layout.shuffle()

    assert alive == [0, 0, 0]
    assert len(layout._padding) == 1 + 8
    assert sum(pad.nbytes for pad in layout._padding) <= 2**16 + PADDING_BYTES


def test_without_room_no_padding_stays() -> None:
    room = iter([None, 0])
    layout = layout_of(torch.ones(8), free_bytes=lambda: next(room))
    layout.shuffle()

    assert not layout.shuffle()
    assert layout._padding == []


def test_with_the_layout_its_padding_goes_and_the_tensors_stay() -> None:
    tensor = torch.arange(8.0)
    layout = layout_of(tensor)
    layout.shuffle()
    padding = [weakref.ref(pad) for pad in layout._padding]

    del layout
    gc.collect()

    assert [ref() for ref in padding] == [None] * 9
    assert tensor.tolist() == list(range(8))


def test_the_seed_makes_the_layout() -> None:
    def sizes(seed: int) -> list[int]:
        layout = layout_of(*(torch.ones(8) for _ in range(5)), seed=seed)
        layout.shuffle()
        return [pad.nbytes for pad in layout._padding]

    assert sizes(1) == sizes(1)
    assert sizes(1) != sizes(2)


def test_memory_does_not_grow_with_the_number_of_shuffles() -> None:
    """Eight storages of 4 MiB: one that leaked at each of 90 shuffles would add 360 MiB."""
    told: list[Any] = []
    task = Task(layout_tasks.resident_after_shuffles, (2**20, (10, 100)))

    assert ForkedWorkers().run(task, told.append, 120.0) is None

    early, late = told[0]
    assert late - early < 2 * PADDING_BYTES
