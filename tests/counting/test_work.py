"""Bytes and elements of single operators, computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from zoobench.counting import Counts, count_forward


def counted(function: Callable[[Tensor], object], images: Tensor) -> Counts:
    class Applied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.function = function

        def forward(self, x: Tensor) -> object:
            return self.function(x)

    return count_forward(Applied(), images)


MAPS = torch.empty(2, 3, 4, 4, device="meta")
SIZE = 4 * 2 * 3 * 16


@pytest.mark.parametrize(
    ("function", "elements", "bytes_read", "bytes_written"),
    [
        pytest.param(torch.relu, 96, SIZE, SIZE, id="relu"),
        pytest.param(torch.relu_, 96, SIZE, SIZE, id="in place"),
        pytest.param(lambda x: x + x, 96, SIZE, SIZE, id="the same tensor twice is read once"),
        pytest.param(lambda x: x.add_(1), 96, SIZE, SIZE, id="add in place reads what it writes"),
        pytest.param(lambda x: x.zero_(), 96, 0, SIZE, id="filling reads nothing"),
        pytest.param(lambda x: x.copy_(torch.ones(4, device="meta")), 96 + 4, 4 * 4, SIZE + 16, id="copying over"),
        pytest.param(lambda x: x.flatten(1), 0, 0, 0, id="a view is no work"),
        pytest.param(lambda x: x.transpose(1, 2), 0, 0, 0, id="a transposition is no work"),
        pytest.param(torch.empty_like, 0, 0, 0, id="an empty tensor is no work"),
        pytest.param(lambda x: x.to(torch.float16), 96, SIZE, SIZE // 2, id="another format"),
        pytest.param(lambda x: torch.cat([x, x], 1), 192, SIZE, 2 * SIZE, id="concat"),
        pytest.param(lambda x: x[:, :1] * 2, 32, SIZE // 3, SIZE // 3, id="a view is read by its own elements"),
        pytest.param(lambda x: x.sum(), 1, SIZE, 4, id="a sum"),
    ],
)
def test_what_an_operator_reads_and_writes(
    function: Callable[[Tensor], object], elements: int, bytes_read: int, bytes_written: int
) -> None:
    found = counted(function, MAPS)
    assert (found.elements_written, found.bytes_read, found.bytes_written) == (elements, bytes_read, bytes_written)


def test_a_convolution_reads_images_weight_and_bias_and_writes_maps() -> None:
    found = counted(nn.Conv2d(3, 5, 3), MAPS)
    written = 2 * 5 * 4
    assert found.elements_written == written == found.activations
    assert found.bytes_written == 4 * written
    assert found.bytes_read == SIZE + 4 * (5 * 27 + 5)
    assert found.flops == 2 * found.macs == 2 * written * 27
    assert found.intensity == found.flops / (found.bytes_read + found.bytes_written)


def test_nothing_moved_has_no_intensity() -> None:
    assert counted(lambda x: x.flatten(1), MAPS).intensity is None


def test_half_the_bytes_at_half_the_format() -> None:
    layer = nn.Conv2d(3, 5, 3)
    whole = counted(layer, MAPS)
    half = counted(layer.half(), MAPS.half())
    assert (half.bytes_read, half.bytes_written) == (whole.bytes_read // 2, whole.bytes_written // 2)
    assert half.macs == whole.macs


def test_bringing_the_images_is_no_work_of_the_model() -> None:
    here, nowhere = (counted(torch.relu, torch.empty(2, 3, 4, 4, device=device)) for device in ("cpu", "meta"))
    assert here == nowhere
