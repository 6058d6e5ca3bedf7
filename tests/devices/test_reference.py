from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from fakes import FakeClock

from zoobench.devices.reference import ReferenceProduct


class FakeProduct(ReferenceProduct):
    """Whose multiplications take these seconds, the last one for ever."""

    def __init__(self, clock: FakeClock, durations_s: Iterable[float]) -> None:
        super().__init__(clock)
        self._advance = clock.advance
        self._durations_s = list(durations_s)
        self.count = 0

    def _multiply(self) -> None:
        self._advance(self._durations_s[min(self.count, len(self._durations_s) - 1)])
        self.count += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.mark.parametrize(("durations_s", "reading_s"), [((9.0, 2.0, 1.0), 1.0), ((0.5, 1.0, 2.0), 1.0)])
def test_the_better_of_two_is_the_reading_and_a_first_one_is_not_timed(
    clock: FakeClock, durations_s: tuple[float, ...], reading_s: float
) -> None:
    product = FakeProduct(clock, durations_s)

    assert product.read_s() == reading_s
    assert product.count == 3


def test_a_reading_is_told_again_while_it_is_young(clock: FakeClock) -> None:
    """From its end on, for a hundredth of a second."""
    product = FakeProduct(clock, [1.0, 1.0, 1.0, 5.0])

    readings = [product.read_s()]
    for pause_s in (0.0, 0.005, 0.0049):
        clock.advance(pause_s)
        readings.append(product.read_s())
    assert (readings, product.count) == ([1.0] * 4, 3)

    clock.advance(0.0002)
    assert (product.read_s(), product.count) == (5.0, 6)


def test_nothing_is_computed_before_it_is_asked_for(clock: FakeClock) -> None:
    assert ReferenceProduct(clock)._matrices == ()


def test_it_is_the_product_of_two_matrices_of_256_made_once() -> None:
    product = ReferenceProduct()

    first_s, made = product.read_s(), product._matrices
    product._last = None
    product.read_s()

    one, other, result = made
    assert 0 < first_s < 60
    assert torch.equal(result, one @ other)
    assert result.shape == (256, 256)
    assert all(map(lambda a, b: a is b, made, product._matrices))


def test_it_neither_records_a_graph_nor_leaves_a_mode() -> None:
    product = ReferenceProduct()
    with torch.inference_mode():
        product.read_s()
    product._last = None

    product.read_s()

    assert not torch.is_inference_mode_enabled()
    assert not any(matrix.requires_grad for matrix in product._matrices)
