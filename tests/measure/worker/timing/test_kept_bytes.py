"""What the sampling loop finds to be allocated after a block of rounds and not before."""

from __future__ import annotations

from fakes import FakeAsyncDevice

from zoobench.cases import Budget
from zoobench.measure.worker.rounds import CallPhase
from zoobench.measure.worker.timing_loop import sample

LEAK_BYTES = 1000
ROUNDED_BYTES = 1024
"""By the fake allocator, to blocks of 512."""
BUDGET = Budget(min_rounds=24, max_rounds=24, min_s=0.0, max_s=1000.0, max_warmup_s=0.0, precision_target=0.0)


class MovingLayout:
    """As shuffling does, it leaves other padding behind each time."""

    def __init__(self, device: FakeAsyncDevice) -> None:
        self._device = device

    def shuffle(self) -> bool:
        self._device.allocator.allocate(2**20)
        return True


def test_each_block_tells_what_its_own_calls_kept() -> None:
    device = FakeAsyncDevice()
    phase = CallPhase("forward_latency", lambda: device.allocator.allocate(LEAK_BYTES))

    sampled = sample(
        [phase], device, BUDGET, layout=MovingLayout(device), allocated_bytes=device.allocated_bytes, clock=device.clock
    )

    assert sampled.kept_bytes == tuple(size * ROUNDED_BYTES for size in sampled.block_sizes)
    assert len(sampled.kept_bytes) == 8


def test_nothing_is_asked_between_the_rounds_of_a_block() -> None:
    device, order = FakeAsyncDevice(), []

    def call() -> None:
        device.launch(2.0**-4)
        order.append("call")

    def allocated_bytes() -> int | None:
        order.append("asked")
        return None

    sampled = sample(
        [CallPhase("forward_latency", call)], device, BUDGET, allocated_bytes=allocated_bytes, clock=device.clock
    )

    block = ["asked", "call", "call", "call", "asked"]
    assert order == ["call", *block * 8], "one warm-up call, then blocks of three"
    assert sampled.kept_bytes == (None,) * 8
