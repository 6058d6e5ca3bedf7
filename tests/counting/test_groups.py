from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoobench.counting import By, Group, count_forward, count_training, divide, trace_pass

IMAGES = torch.empty(2, 3, 8, 8, device="meta")


class Block(nn.Module):
    """Has a convolution, and operators between its modules."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)) + x)


def small_model() -> nn.Module:
    body = nn.Sequential(Block(4), Block(4))
    return nn.Sequential(nn.Conv2d(3, 4, 1), body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


def parts(by: By, depth: int | None = None, *, is_training: bool = False) -> dict[str, Group]:
    trace = trace_pass(small_model(), IMAGES, is_training=is_training)
    return {group.name: group for group in divide(trace, by, depth=depth)}


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("by", [By.KIND, By.OPERATOR])
def test_kinds_and_operators_add_up_to_the_whole(by: By, *, is_training: bool) -> None:
    whole = (count_training if is_training else count_forward)(small_model(), IMAGES)
    counts = [part.counts for part in parts(by, is_training=is_training).values()]
    for quantity in ("macs", "activations", "elements_written", "bytes_read", "bytes_written"):
        assert sum(getattr(part, quantity) for part in counts) == getattr(whole, quantity)
    uncounted = [name for part in counts for name in part.uncounted]
    assert sorted(set(uncounted)) == list(whole.uncounted)


def test_kinds_by_hand() -> None:
    assert {name: (part.calls, part.counts.macs) for name, part in parts(By.KIND).items()} == {
        "pointwise": (1, 2 * 64 * 4 * 3),
        "depthwise": (2, 2 * (2 * 64 * 4 * 9)),
        "normalisation": (2, 0),
        "add": (2, 0),
        "activation": (2, 0),
        "pooling": (1, 0),
        "fully-connected": (1, 2 * 4 * 5),
    }


def test_modules_nest() -> None:
    found = {name: part.counts.macs for name, part in parts(By.MODULE).items()}
    depthwise = 2 * 64 * 4 * 9
    assert found == {
        "": 2 * 64 * 12 + 2 * depthwise + 40,
        "0": 2 * 64 * 12,
        "1": 2 * depthwise,
        "1.0": depthwise,
        "1.0.conv": depthwise,
        "1.0.norm": 0,
        "1.1": depthwise,
        "1.1.conv": depthwise,
        "1.1.norm": 0,
        "2": 0,
        "4": 40,
    }


@pytest.mark.parametrize(
    ("depth", "names"),
    [(0, {""}), (1, {"", "0", "1", "2", "4"}), (2, {"", "0", "1", "1.0", "1.1", "2", "4"})],
)
def test_depth_cuts_the_tree_and_loses_no_work(depth: int, names: set[str]) -> None:
    found = parts(By.MODULE, depth)
    assert set(found) == names
    assert found[""].counts.macs == count_forward(small_model(), IMAGES).macs
    deepest = [part for name, part in found.items() if name and len(name.split(".")) == depth]
    if depth == 1:
        assert sum(part.counts.elements_written for part in deepest) == found[""].counts.elements_written


def test_work_between_modules_is_their_parent_s() -> None:
    found = parts(By.MODULE)
    children = found["1.0.conv"].calls + found["1.0.norm"].calls
    assert found["1.0"].calls == children + 2, "the sum and the activation"


def test_a_module_called_twice_is_one_part_with_both_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x))

    trace = trace_pass(Twice(), torch.empty(1, 8))
    found = {part.name: part for part in divide(trace, By.MODULE)}
    assert (found["layer"].calls, found["layer"].counts.macs) == (2, 128)
