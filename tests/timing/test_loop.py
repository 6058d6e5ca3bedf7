from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest
import torch
from fakes import LAUNCH_S, OPERATOR_S, FakeAsyncDevice, FakeClock, NotReadyError
from torch import nn

from zoobench.calls import Inference
from zoobench.cases import SMOKE_BUDGET, Budget
from zoobench.timing import loop
from zoobench.timing.loop import Sampled, sample
from zoobench.timing.rounds import Phase, take_round
from zoobench.timing.stopping import Stop


class Call:
    """A call whose durations on the device are given, the last one for ever; counts itself."""

    def __init__(self, device: FakeAsyncDevice, durations_s: Iterable[float]) -> None:
        self._device = device
        durations = list(durations_s)
        self._durations_s = itertools.chain(durations, itertools.repeat(durations[-1]))
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        self._device.launch(next(self._durations_s))


Sample = Callable[..., tuple[Sampled, Call, FakeClock]]


@pytest.fixture
def sample_call() -> Sample:
    """Samples calls that take these seconds; what came out, the call and the clock."""

    def run(durations_s: Iterable[float], budget: Budget) -> tuple[Sampled, Call, FakeClock]:
        clock = FakeClock(0.0)
        device = FakeAsyncDevice(clock)
        call = Call(device, durations_s)
        return sample([Phase("forward_latency", call)], device, budget, clock), call, clock

    return run


def test_the_first_call_is_kept_apart(sample_call: Sample) -> None:
    sampled, call, _ = sample_call([1.0, 0.25], Budget(max_warmup_s=2.0, min_rounds=6, min_s=0.0))

    assert sampled.first_call_s == 1.0
    assert {r.device_s for r in sampled.rounds} == {0.25}
    assert call.count == sampled.warm_up_rounds + len(sampled.rounds)


def test_cheap_calls_are_warmed_up_for_a_quarter_of_the_warm_up_time(sample_call: Sample) -> None:
    sampled, _, _ = sample_call([2**-6], Budget(max_warmup_s=2.0, min_s=0.0))

    assert sampled.warm_up_rounds == 0.5 / 2**-6


def test_calls_of_middling_cost_are_warmed_up_three_times(sample_call: Sample) -> None:
    sampled, _, _ = sample_call([0.5], Budget(max_warmup_s=2.0))

    assert sampled.warm_up_rounds == 3


def test_a_warm_up_call_that_would_end_past_the_warm_up_time_is_not_made(sample_call: Sample) -> None:
    exactly, _, _ = sample_call([1.0], Budget(max_warmup_s=2.0))
    beyond, _, _ = sample_call([1.0 + 2**-20], Budget(max_warmup_s=2.0))

    assert exactly.warm_up_rounds == 2
    assert beyond.warm_up_rounds == 1


def test_a_dear_call_is_warmed_up_once(sample_call: Sample) -> None:
    sampled, call, _ = sample_call([3.0], Budget(max_warmup_s=2.0, max_s=8.0))

    assert sampled.warm_up_rounds == 1
    assert [r.device_s for r in sampled.rounds] == [3.0]
    assert call.count == 2


def test_warm_up_never_takes_longer_than_the_whole_budget(sample_call: Sample) -> None:
    """`--zoobench-max-seconds` alone makes a case short: the warm-up time is the suite's."""
    sampled, _, clock = sample_call([2**-6], Budget(max_warmup_s=2.0, min_s=0.25, max_s=0.25))

    assert sampled.warm_up_rounds == 0.0625 / 2**-6
    assert clock() == 0.25


def test_a_first_call_beyond_the_whole_budget_still_gives_exactly_one_round(sample_call: Sample) -> None:
    sampled, call, clock = sample_call([100.0], Budget(max_s=8.0))

    assert [r.device_s for r in sampled.rounds] == [100.0]
    assert (sampled.warm_up_rounds, call.count, clock()) == (1, 2, 200.0)
    assert sampled.stop is Stop.MAX_SECONDS


def test_no_round_is_begun_that_would_end_past_the_budget(sample_call: Sample) -> None:
    sampled, _, clock = sample_call([0.75, 0.75, 0.5, 0.75], Budget(max_warmup_s=1.0, max_s=8.0, min_s=8.0))

    assert sampled.stop is Stop.MAX_SECONDS
    assert clock() <= 8.0
    assert clock() + 0.75 > 8.0


def test_steady_calls_stop_when_precise(sample_call: Sample) -> None:
    sampled, _, clock = sample_call([0.125], Budget(max_warmup_s=2.0, min_rounds=6, min_s=2.0, max_s=8.0))

    assert sampled.stop is Stop.PRECISE
    assert clock() == 2.0, "the least time, warm-up included"


def test_noisy_calls_go_on_to_the_end_of_the_budget(sample_call: Sample) -> None:
    noisy = [0.125, 0.25] * 100
    sampled, _, clock = sample_call(noisy, Budget(max_warmup_s=1.0, max_s=8.0, max_rounds=1000))

    assert sampled.stop is Stop.MAX_SECONDS
    assert 7.75 < clock() <= 8.0


def test_the_greatest_number_of_rounds_holds(sample_call: Sample) -> None:
    sampled, _, _ = sample_call([2**-10], Budget(max_rounds=17, min_rounds=17, min_s=100.0, max_s=100.0))

    assert (len(sampled.rounds), sampled.stop) == (17, Stop.MAX_ROUNDS)


def test_the_smoke_budget_is_one_warm_up_call_and_one_round(sample_call: Sample) -> None:
    sampled, call, _ = sample_call([2**-10], SMOKE_BUDGET)

    assert (sampled.warm_up_rounds, len(sampled.rounds), call.count) == (1, 1, 2)


def test_time_inside_calls_is_that_of_every_call_and_nothing_between(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    device = FakeAsyncDevice(clock)
    call = Call(device, [0.25])

    def take_slowly(*arguments: object) -> object:
        clock.advance(1.0)
        return take_round(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "take_round", take_slowly)
    sampled = sample([Phase("forward_latency", call)], device, Budget(max_s=8.0, max_rounds=4), clock)

    assert sampled.in_calls_s == 0.25 * call.count


def test_a_loop_on_a_device_that_is_not_waited_for_yields_nothing() -> None:
    class Unwaited(FakeAsyncDevice):
        def wait(self) -> None:
            pass

    clock = FakeClock()
    device = Unwaited(clock)

    with pytest.raises(NotReadyError):
        sample([Phase("forward_latency", Call(device, [0.25]))], device, Budget(), clock)


def test_each_round_has_covariates_of_its_own(sample_call: Sample) -> None:
    sampled, _, _ = sample_call([0.25], Budget(max_rounds=8, min_rounds=8))

    assert all(set(r.covariates) == {"page_faults", "involuntary_switches", "cpu_s"} for r in sampled.rounds)


def test_a_real_model_on_the_fake_device_takes_as_long_as_its_operators() -> None:
    """A linear layer and a ReLU are two operators; the second is launched while the first runs."""
    clock = FakeClock()
    device = FakeAsyncDevice(clock)
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    call = Inference(module, torch.zeros(1, 4), torch.no_grad)

    with device.settings(case=None):  # type: ignore[arg-type]
        sampled = sample(call.phases, device, Budget(max_rounds=3, min_rounds=3), clock)

    assert {r.device_s for r in sampled.rounds} == {LAUNCH_S + 2 * OPERATOR_S}
    assert {r.host_s for r in sampled.rounds} == {LAUNCH_S + 2 * OPERATOR_S}
