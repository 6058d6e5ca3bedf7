from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.records import LayerKind, kind_of_convolution


@pytest.mark.parametrize(
    ("in_channels", "groups", "kernel", "kind"),
    [
        (3, 1, (7, 7), LayerKind.CONVOLUTION),
        (8, 1, (1, 3), LayerKind.CONVOLUTION),
        (8, 1, (1, 1), LayerKind.POINTWISE),
        (8, 4, (1, 1), LayerKind.GROUPED_POINTWISE),
        (8, 4, (3, 3), LayerKind.GROUPED),
        (8, 8, (3, 3), LayerKind.DEPTHWISE),
        (8, 8, (5,), LayerKind.DEPTHWISE),
        (1, 1, (5, 5), LayerKind.CONVOLUTION),
        (1, 1, (1, 1), LayerKind.POINTWISE),
    ],
)
def test_convolutions(in_channels: int, groups: int, kernel: tuple[int, ...], kind: LayerKind) -> None:
    assert kind_of_convolution(in_channels=in_channels, groups=groups, kernel=kernel) is kind


@given(st.integers(1, 8), st.integers(1, 8), st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple))
def test_a_kernel_of_ones_never_mixes_places(width: int, groups: int, kernel: tuple[int, ...]) -> None:
    kind = kind_of_convolution(in_channels=groups * width, groups=groups, kernel=kernel)
    is_pointwise = kind in (LayerKind.POINTWISE, LayerKind.GROUPED_POINTWISE)
    assert is_pointwise == (set(kernel) == {1} and kind is not LayerKind.DEPTHWISE)
