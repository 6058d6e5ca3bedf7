from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from fakes import FakeClock

from zoobench.devices.speed_probe import Launches, MatrixProduct, SpeedProbe


class Work:
    """A computation that takes these seconds; the last duration repeats."""

    def __init__(self, clock: FakeClock, durations_s: Iterable[float]) -> None:
        self._advance = clock.advance
        self._durations_s = list(durations_s)
        self.count = 0

    def __call__(self) -> None:
        self._advance(self._durations_s[min(self.count, len(self._durations_s) - 1)])
        self.count += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.mark.parametrize(("durations_s", "reading_s"), [((9.0, 2.0, 1.0), 1.0), ((0.5, 1.0, 2.0), 1.0)])
def test_the_reading_is_the_better_of_two_after_an_untimed_run(
    clock: FakeClock, durations_s: tuple[float, ...], reading_s: float
) -> None:
    work = Work(clock, durations_s)

    assert SpeedProbe(work, clock).read_s() == reading_s
    assert work.count == 3


def test_a_recent_reading_is_reused(clock: FakeClock) -> None:
    """For a hundredth of a second after its end."""
    work = Work(clock, [1.0, 1.0, 1.0, 5.0])
    speed_probe = SpeedProbe(work, clock)

    readings = [speed_probe.read_s()]
    for pause_s in (0.0, 0.005, 0.0049):
        clock.advance(pause_s)
        readings.append(speed_probe.read_s())
    assert (readings, work.count) == ([1.0] * 4, 3)

    clock.advance(0.0002)
    assert (speed_probe.read_s(), work.count) == (5.0, 6)


def test_nothing_is_computed_before_the_first_reading(clock: FakeClock) -> None:
    work, product = Work(clock, [1.0]), MatrixProduct()

    SpeedProbe(work, clock)
    SpeedProbe(product, clock)

    assert (work.count, product.matrices) == (0, ())


def test_on_a_cpu_it_is_the_product_of_two_matrices_of_256_made_once() -> None:
    product = MatrixProduct()

    product()
    made = product.matrices
    product()

    one, other, result = made
    assert torch.equal(result, one @ other)
    assert result.shape == (256, 256)
    assert all(map(lambda a, b: a is b, made, product.matrices))


def test_launches_are_five_hundred_operators() -> None:
    launches = Launches()
    launches()  # lazily made parts of torch are not counted

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
        launches()

    operators = [event.name for event in profiler.events() if event.cpu_parent is None]
    assert operators == ["aten::zero_"] * 500


@pytest.mark.parametrize("work", [MatrixProduct(), Launches()], ids=lambda work: type(work).__name__)
def test_it_neither_records_a_graph_nor_leaves_a_mode(work: MatrixProduct | Launches) -> None:
    with torch.inference_mode():
        assert 0 < SpeedProbe(work).read_s() < 60

    assert 0 < SpeedProbe(work).read_s() < 60

    assert not torch.is_inference_mode_enabled()
    tensors = work.matrices if isinstance(work, MatrixProduct) else [work.number]
    assert not any(tensor.requires_grad for tensor in tensors)
