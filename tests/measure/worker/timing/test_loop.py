from __future__ import annotations

import contextlib
import itertools
import signal
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
import torch
from fakes import LAUNCH_S, OPERATOR_S, FakeAsyncDevice, FakeClock, NotReadyError
from torch import nn

from zoobench.cases import SMOKE_BUDGET, Budget
from zoobench.devices import REFERENCE
from zoobench.measure.worker import rounds, timing_loop
from zoobench.measure.worker.layout import FixedLayout
from zoobench.measure.worker.rounds import CallPhase, Counters, read_counters, take_round
from zoobench.measure.worker.timing_loop import WINDOW, Sampled, Stop, block_size, sample
from zoobench.measure.worker.workload import Inference
from zoobench.stats.interference import HOST_LEAD, PACE, causes

SHORT_S = 2.0**-6
"""A call of 16 ms: ten to a block."""

BLOCK = 10

OPEN = Budget(min_rounds=6, max_rounds=2000, min_s=0.0, max_s=100.0, max_warmup_s=50.0)
"""Ends as soon as it is precise."""


QUIET = {
    "page_faults": 0.0,
    "involuntary_switches": 0.0,
    "cpu_s": 0.0,
    "run_delay_s": 0.0,
    "steal_s": None,
    "continued": 0.0,
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of these tests is busy, and their clock is not its: what it did meanwhile is not theirs."""
    monkeypatch.setattr(rounds, "read_counters", lambda: Counters(**QUIET))


@pytest.fixture
def really_counted(_quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "read_counters", read_counters)


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


class Moved:
    """A layout that writes down after how many calls it was shuffled; there is room `times` times."""

    def __init__(self, call: Call, times: int = 10**9) -> None:
        self._call = call
        self._times = times
        self.after: list[int] = []

    def shuffle(self) -> bool:
        self.after.append(self._call.count)
        return len(self.after) <= self._times


class Bench:
    """A device on a clock of its own, a call on it, and what is sampled of that."""

    def __init__(self, durations_s: Iterable[float], device: Callable[[FakeClock], FakeAsyncDevice]) -> None:
        self.clock = FakeClock(0.0)
        self.device = device(self.clock)
        self.call = Call(self.device, durations_s)

    def sample(self, budget: Budget = OPEN, **more: Any) -> Sampled:
        return sample([CallPhase("forward_latency", self.call)], self.device, budget, clock=self.clock, **more)


def bench(*durations_s: float, device: Callable[[FakeClock], FakeAsyncDevice] = FakeAsyncDevice) -> Bench:
    return Bench(durations_s, device)


def times(sampled: Sampled) -> list[float]:
    return [r.device_s for r in sampled.rounds]


# Warm-up


def test_the_first_call_is_kept_apart() -> None:
    bench_ = bench(1.0, 0.25)

    sampled = bench_.sample()

    assert sampled.first_call_s == 1.0
    assert set(times(sampled)) == {0.25}
    assert sampled.warm_up_calls == WINDOW
    assert sampled.warm_up_s == 1.0 + (WINDOW - 1) * 0.25
    assert bench_.call.count == WINDOW + len(sampled.rounds)


def test_steady_calls_are_warm_as_soon_as_that_can_be_told() -> None:
    sampled = bench(SHORT_S).sample()

    assert (sampled.warm_up_calls, sampled.is_warm) == (WINDOW, True)


def test_warm_up_goes_on_while_calls_get_faster() -> None:
    """Sixteen calls fall and then all are equal: of the last ten, with k falling ones, k (10 - k) + k (k - 1) / 2 do.

    With two falling ones left S is -17, which is not beyond -1.645 √125 = -18.4; with three it is -24.
    """
    falling = [(32.0 - n) * 2**-6 for n in range(16)]

    sampled = bench(*falling, 16 * 2**-6).sample()

    assert sampled.warm_up_calls == len(falling) + 8
    assert sampled.is_warm
    assert set(times(sampled)) == {16 * 2**-6}


def test_calls_that_still_get_faster_at_the_bound_are_not_warm() -> None:
    falling = [1.0 - n * 2**-8 for n in range(64)]

    sampled = bench(*falling).sample(msgspec.structs.replace(OPEN, max_warmup_s=16.0))

    assert not sampled.is_warm
    assert sampled.warm_up_calls == max(n for n in range(64) if sum(falling[1 : n - 1]) + falling[n - 2] <= 16.0)
    assert sampled.warm_up_s <= falling[0] + 16.0


def test_too_few_calls_to_tell_are_taken_for_warm() -> None:
    sampled = bench(4.0, 3.0, 2.0, 1.0).sample(msgspec.structs.replace(OPEN, max_warmup_s=5.0))

    assert (sampled.warm_up_calls, sampled.is_warm) == (2, True)


def test_a_warm_up_call_that_would_end_past_the_bound_is_not_made() -> None:
    budget = Budget(max_warmup_s=2.0)

    assert bench(1.0).sample(budget).warm_up_calls == 3, "the first is outside the bound"
    assert bench(1.0 + 2**-20).sample(budget).warm_up_calls == 2


def test_a_first_call_of_minutes_costs_the_others_nothing() -> None:
    """As where a compiler is at work in it, or kernels are tried out."""
    bench_ = bench(100.0, 0.125)

    sampled = bench_.sample(Budget(max_warmup_s=2.0, min_s=2.0, max_s=8.0))

    assert (sampled.first_call_s, sampled.warm_up_calls, sampled.is_warm) == (100.0, WINDOW, True)
    assert (sampled.stop, len(sampled.block_sizes)) == (Stop.PRECISE, 7)


def test_a_dear_call_is_warmed_up_twice() -> None:
    """The first call does not tell how long the second is."""
    bench_ = bench(3.0)

    sampled = bench_.sample(Budget(max_warmup_s=2.0, max_s=8.0))

    assert sampled.warm_up_calls == 2
    assert times(sampled) == [3.0]
    assert bench_.call.count == 3


def test_warm_up_never_takes_longer_than_the_whole_budget() -> None:
    """`--zoobench-max-seconds` alone makes a case short: the warm-up time is the suite's."""
    bench_ = bench(*(1.0 - n * 2**-10 for n in range(512)))

    sampled = bench_.sample(Budget(max_warmup_s=100.0, min_s=0.0, max_s=16.0))

    assert sampled.warm_up_s <= 1.0 + 16.0
    assert (len(sampled.rounds), sampled.stop) == (1, Stop.MAX_SECONDS)


# Blocks


@pytest.mark.parametrize(
    ("call_s", "budget", "size"),
    [
        (SHORT_S, OPEN, BLOCK),
        (0.15, OPEN, 1),
        (0.1499, OPEN, 2),
        (20.0, OPEN, 1),
        (1e-4, OPEN, 250),
        (1e-4, Budget(max_rounds=20_000), 1500),
        (1e-4, Budget(max_rounds=80), 10),
        (1e-4, Budget(max_rounds=7), 1),
        (SHORT_S, Budget(max_s=12 * 3 * SHORT_S), 3),
        (0.0, OPEN, 250),
    ],
    ids=[
        "0.15 s",
        "no shorter than that",
        "rounded up",
        "dear",
        "an eighth of the rounds",
        "0.15 s of cheap calls",
        "few rounds",
        "fewer rounds than blocks",
        "a twelfth of the budget",
        "no time at all",
    ],
)
def test_a_block_lasts_so_long(call_s: float, budget: Budget, size: int) -> None:
    assert block_size(call_s, budget) == size


def test_rounds_come_in_blocks_of_one_size() -> None:
    sampled = bench(SHORT_S).sample()

    assert sampled.block_sizes == (BLOCK,) * 7
    assert len(sampled.rounds) == 7 * BLOCK


def test_the_size_of_a_block_is_by_calls_that_are_warm() -> None:
    cold = [0.5] * 5
    sampled = bench(*cold, SHORT_S).sample()

    assert sampled.warm_up_calls > WINDOW, "it fell"
    assert sampled.block_sizes[0] == BLOCK


def test_the_last_block_is_cut_to_the_greatest_number_of_rounds() -> None:
    sampled = bench(SHORT_S).sample(Budget(max_rounds=BLOCK * 8 + 3, min_rounds=2000, max_s=100.0))

    assert sampled.block_sizes == (BLOCK,) * 8 + (3,)
    assert sampled.stop is Stop.MAX_ROUNDS


def test_the_layout_is_shuffled_before_every_block_and_a_short_call_settles_in() -> None:
    bench_ = bench(SHORT_S)
    layout = Moved(bench_.call)

    sampled = bench_.sample(layout=layout)

    assert layout.after == [WINDOW + n * (BLOCK + 1) for n in range(7)]
    assert bench_.call.count == WINDOW + 7 * (BLOCK + 1)
    assert len(sampled.rounds) == 7 * BLOCK, "the settling call is no round"
    assert sampled.is_shuffled
    assert sampled.in_calls_s == bench_.call.count * SHORT_S


def test_a_settling_call_is_not_a_round() -> None:
    bench_ = bench(*[SHORT_S] * WINDOW, 9.0, SHORT_S)

    assert set(times(bench_.sample(layout=Moved(bench_.call)))) == {SHORT_S}


@pytest.mark.parametrize(("max_s", "calls"), [(4.0, 2), (3.99, 1)])
def test_a_call_settles_in_where_the_budget_holds_sixteen(max_s: float, calls: int) -> None:
    bench_ = bench(0.25)
    layout = Moved(bench_.call)

    bench_.sample(Budget(min_rounds=1, max_rounds=2, max_s=max_s), layout=layout)

    assert layout.after == [WINDOW - 1, WINDOW - 1 + calls], "warm-up is bound to two seconds, and a block is of one"


@pytest.mark.parametrize(("max_s", "calls"), [(1.5, 2), (1.49, 1)])
def test_where_one_block_is_enough_six_calls_are_room_to_settle(max_s: float, calls: int) -> None:
    bench_ = bench(0.25)
    layout = Moved(bench_.call)

    bench_.sample(Budget(min_rounds=1, max_rounds=2, max_s=max_s, max_warmup_s=0.25), layout=layout, least_blocks=1)

    assert layout.after == [2, 2 + calls]


def test_a_long_call_does_not_settle_not_even_in_the_first_block() -> None:
    bench_ = bench(0.25)
    layout = Moved(bench_.call)

    sampled = bench_.sample(msgspec.structs.replace(OPEN, max_rounds=6, max_s=3.99, max_warmup_s=2.0), layout=layout)

    assert layout.after == [9, 10, 11, 12, 13, 14], "eight calls after the first warm up within two seconds"
    assert bench_.call.count == 9 + len(sampled.rounds)
    assert sampled.is_shuffled


@pytest.mark.parametrize("times_", [0, 3])
def test_a_layout_that_once_had_no_room_is_not_called_shuffled(times_: int) -> None:
    bench_ = bench(SHORT_S)

    sampled = bench_.sample(layout=Moved(bench_.call, times_))

    assert not sampled.is_shuffled
    assert bench_.call.count == WINDOW + 7 * BLOCK + times_, "where nothing moved nothing settles"


def test_without_a_layout_nothing_is_shuffled() -> None:
    assert not FixedLayout().shuffle()
    assert not bench(SHORT_S).sample().is_shuffled


# The end


def test_calls_beyond_the_whole_budget_still_give_exactly_one_round() -> None:
    bench_ = bench(100.0)

    sampled = bench_.sample(Budget(max_s=8.0), layout=Moved(bench_.call))

    assert times(sampled) == [100.0]
    assert (sampled.warm_up_calls, bench_.call.count, bench_.clock()) == (2, 3, 300.0)
    assert sampled.stop is Stop.MAX_SECONDS


def test_no_block_is_begun_that_would_end_past_the_budget() -> None:
    bench_ = bench(*[0.75, 0.5] * 10)

    sampled = bench_.sample(Budget(max_warmup_s=1.0, max_s=8.0, min_s=8.0))

    assert sampled.stop is Stop.MAX_SECONDS
    assert bench_.clock() <= 0.75 + 8.0 < bench_.clock() + 0.75


def test_a_block_is_expected_to_settle_too() -> None:
    """Warm-up takes 9 calls after the first, and a block of a twelfth of the budget 8 and 1: the ninth ends at 90."""
    exactly, beyond = bench(SHORT_S), bench(SHORT_S)
    budget = Budget(min_rounds=2000, max_s=90 * SHORT_S)

    exactly.sample(budget, layout=Moved(exactly.call))
    beyond.sample(msgspec.structs.replace(budget, max_s=90 * SHORT_S - 2**-20), layout=Moved(beyond.call))

    assert (exactly.call.count, beyond.call.count) == (91, 82)


def test_steady_calls_stop_when_precise() -> None:
    bench_ = bench(0.125)

    sampled = bench_.sample(Budget(max_warmup_s=2.0, min_rounds=6, min_s=2.0, max_s=8.0))

    assert sampled.stop is Stop.PRECISE
    assert bench_.clock() == (WINDOW + 7 * 2) * 0.125, "seven blocks of two rounds"


def test_the_least_time_holds_warm_up_included() -> None:
    bench_ = bench(0.125)

    sampled = bench_.sample(Budget(max_warmup_s=2.0, min_rounds=6, min_s=4.0, max_s=8.0))

    assert (sampled.stop, bench_.clock()) == (Stop.PRECISE, 0.125 + 4.0 + 0.125), "the first block that ends past it"


def test_noisy_blocks_go_on_to_the_end_of_the_budget() -> None:
    bench_ = bench(*[0.25, 0.375] * 100)

    sampled = bench_.sample(Budget(max_warmup_s=1.0, max_s=8.0, max_rounds=1000))

    assert sampled.stop is Stop.MAX_SECONDS
    assert 8.0 - 0.375 < bench_.clock() <= 8.0 + 0.125, "the last may be slower than the one before it"


def test_rounds_that_differ_alike_in_every_block_are_precise() -> None:
    """The blocks are the replicates: what varies inside each of them in the same way is not in doubt."""
    sampled = bench(*[SHORT_S, 3 * SHORT_S] * 500).sample()

    assert (sampled.stop, len(sampled.block_sizes)) == (Stop.PRECISE, 7)


def test_the_greatest_number_of_rounds_holds() -> None:
    sampled = bench(2**-10).sample(Budget(max_rounds=17, min_rounds=17, min_s=100.0, max_s=100.0))

    assert (len(sampled.rounds), sampled.stop) == (17, Stop.MAX_ROUNDS)
    assert sampled.block_sizes == (2,) * 8 + (1,)


def test_the_smoke_budget_is_one_warm_up_call_and_one_round() -> None:
    bench_ = bench(2**-10)

    sampled = bench_.sample(SMOKE_BUDGET)

    assert (sampled.warm_up_calls, len(sampled.rounds), bench_.call.count) == (1, 1, 2)
    assert sampled.is_warm


# Disturbed rounds


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bench, Iterable[int]], None]:
    """Makes the calls of these numbers, from 1, take a second longer, by a stop of the process that is counted."""

    def pause(bench_: Bench, at: Iterable[int]) -> None:
        calls, run = set(at), bench_.call.__call__
        stops = {"count": 0.0}

        def paused() -> None:
            run()
            if bench_.call.count in calls:
                bench_.device.launch(1.0)
                stops["count"] += 1

        monkeypatch.setattr(rounds, "read_counters", lambda: Counters(**{**QUIET, "continued": stops["count"]}))
        monkeypatch.setattr(
            bench_,
            "sample",
            lambda budget=OPEN: sample([CallPhase("", paused)], bench_.device, budget, clock=bench_.clock),
        )

    return pause


Pauses = Callable[[Bench, Iterable[int]], None]


def test_a_pause_is_marked_in_the_round_that_it_fell_into(pauses: Pauses) -> None:
    bench_ = bench(SHORT_S)
    pauses(bench_, [WINDOW + 8])

    sampled = bench_.sample()

    paused = [index for index, value in enumerate(sampled.covariates["continued"]) if value]
    assert paused == [7]
    assert times(sampled)[7] == 1.0 + SHORT_S


def test_disturbed_rounds_do_not_keep_the_others_from_being_precise(pauses: Pauses) -> None:
    """Six of ten rounds of every block are paused: all of its rounds have another median, the quiet ones do not."""
    bench_ = bench(SHORT_S)
    pauses(bench_, [WINDOW + 1 + n for n in range(200) if n % 10 < 6 and n // 10 % 2])

    sampled = bench_.sample()

    assert (sampled.stop, len(sampled.block_sizes)) == (Stop.PRECISE, 7)


def test_blocks_that_were_hardly_quiet_are_not_replicates(pauses: Pauses) -> None:
    """In four blocks eight of ten rounds are paused: they are left out, and four more are taken."""
    bench_ = bench(SHORT_S)
    pauses(bench_, [WINDOW + 1 + n for n in range(40) if n % 10 < 8])

    sampled = bench_.sample()

    assert (sampled.stop, len(sampled.block_sizes)) == (Stop.PRECISE, 4 + 7)


def test_steadily_disturbed_rounds_are_never_precise(pauses: Pauses) -> None:
    bench_ = bench(SHORT_S)
    pauses(bench_, range(10**5))

    sampled = bench_.sample(msgspec.structs.replace(OPEN, max_s=60.0))

    assert sampled.stop is Stop.MAX_SECONDS


def test_a_pause_in_the_last_round_of_a_block_does_not_spend_the_budget(pauses: Pauses) -> None:
    """Ten rounds as long as that one would take 10 s."""
    bench_ = bench(SHORT_S)
    pauses(bench_, [WINDOW + BLOCK])

    sampled = bench_.sample(msgspec.structs.replace(OPEN, max_s=8.0))

    assert (sampled.stop, len(sampled.block_sizes)) == (Stop.PRECISE, 7)


@pytest.mark.usefixtures("really_counted")
def test_while_sampling_the_process_counts_its_own_continuations() -> None:
    bench_ = bench(SHORT_S)
    run = bench_.call.__call__
    before = signal.getsignal(signal.SIGCONT)

    def continued() -> None:
        run()
        if bench_.call.count == WINDOW + 3:
            signal.raise_signal(signal.SIGCONT)

    sampled = sample([CallPhase("", continued)], bench_.device, OPEN, clock=bench_.clock)

    assert [index for index, value in enumerate(sampled.covariates["continued"]) if value] == [2]
    assert signal.getsignal(signal.SIGCONT) is before


# Covariates and pace


class Surrounded(FakeAsyncDevice):
    """Tells the readings of `conditions` in turn, the last one for ever."""

    def __init__(self, clock: FakeClock, *told: dict[str, float]) -> None:
        super().__init__(clock)
        self._told = itertools.chain(told, itertools.repeat(told[-1]))
        self.asked_at: list[float] = []

    def conditions(self) -> dict[str, float]:
        self.asked_at.append(self.clock())
        return next(self._told)


class LaunchBound(Surrounded):
    """Whose work is over as soon as the host has launched it: that is what takes the time."""

    def launch(self, seconds: float, *, launch_s: float = 0.0) -> None:
        super().launch(launch_s, launch_s=seconds)


def surrounded(*told: dict[str, float]) -> Callable[[FakeClock], Surrounded]:
    return lambda clock: Surrounded(clock, *told)


@pytest.mark.usefixtures("really_counted")
def test_each_round_has_covariates_of_its_own() -> None:
    sampled = bench(0.25).sample()

    assert {"page_faults", "involuntary_switches", "cpu_s", "continued"} <= set(sampled.covariates)
    assert {len(values) for values in sampled.covariates.values()} == {len(sampled.rounds)}


def test_a_condition_is_a_covariate() -> None:
    cold, hot = {"celsius": 40.0}, {"celsius": 90.0}

    sampled = bench(0.25, device=surrounded(*[cold] * (WINDOW + 2), hot)).sample()

    # one reading a round, and one after each block of one round
    assert sampled.covariates["celsius"] == (40.0, *[90.0] * 6)
    assert PACE not in sampled.covariates
    assert sampled.reference_s is None


def test_a_condition_that_is_missing_once_is_left_out() -> None:
    whole, failed = {"celsius": 40.0, "watts": 200.0}, {"watts": 200.0}

    after_a_block = bench(0.25, device=surrounded(*[whole] * (WINDOW + 3), failed, whole)).sample()
    midway = bench(0.25, device=surrounded(*[whole] * (WINDOW + 4), failed, whole)).sample()
    at_first = bench(0.25, device=surrounded(*[failed] * (WINDOW + 3), whole)).sample()

    assert after_a_block.covariates["celsius"] == (40.0,) * 7, "it was missing before no round"
    for sampled in (midway, at_first):
        assert "celsius" not in sampled.covariates
        assert sampled.covariates["watts"] == (200.0,) * 7


def test_the_pace_is_read_around_every_round() -> None:
    """Blocks of one round: readings 0 and 1 are of the first, 2 and 3 of the second."""
    readings = [4.0, 4.0, 4.0, 6.0, 5.0, 4.0, 4.0, 4.0, 8.0, 8.0, 2.0, 2.0]
    told = [{REFERENCE: 1.0}] * WINDOW + [{REFERENCE: reading} for reading in readings]

    sampled = bench(0.25, device=surrounded(*told)).sample(msgspec.structs.replace(OPEN, max_rounds=6))

    assert sampled.reference_s == 2.0, "the tenth of twelve is the second best"
    assert sampled.covariates[PACE] == (2.0, 3.0, 2.5, 2.0, 4.0, 1.0)
    assert REFERENCE not in sampled.covariates


def test_the_pace_is_against_what_is_known_if_that_is_better() -> None:
    quick, slow = (
        bench(0.25, device=surrounded({REFERENCE: 4.0})).sample(known_reference_s=known_s) for known_s in (2.0, 8.0)
    )

    assert (quick.reference_s, set(quick.covariates[PACE])) == (4.0, {2.0})
    assert (slow.reference_s, set(slow.covariates[PACE])) == (4.0, {1.0})


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_without_a_reading_around_every_round_there_is_no_pace(missing: int) -> None:
    told = [{REFERENCE: 1.0}] * (WINDOW + missing) + [{}] + [{REFERENCE: 1.0}]

    sampled = bench(0.25, device=surrounded(*told)).sample()

    assert sampled.reference_s is None
    assert not {PACE, REFERENCE} & set(sampled.covariates)


HALF_SLOW = [{REFERENCE: 1.0}] * WINDOW + ([{REFERENCE: 1.0}] * 2 + [{REFERENCE: 1.5}] * 2) * 50
HALF_SLOW_S = [0.25] * WINDOW + [0.25, 0.375] * 50


def test_slow_rounds_are_set_aside_as_disturbed() -> None:
    """Half of the machine's time it is slow, and so are the calls: the quiet blocks agree."""
    sampled = bench(*HALF_SLOW_S, device=lambda clock: LaunchBound(clock, *HALF_SLOW)).sample()

    assert sampled.stop is Stop.PRECISE
    assert len(sampled.block_sizes) == 13, "every second one is quiet, from the first to the thirteenth"


def test_a_slow_host_that_is_far_ahead_of_the_device_disturbs_nothing() -> None:
    sampled = bench(*HALF_SLOW_S, device=surrounded(*HALF_SLOW)).sample()

    assert set(sampled.covariates[HOST_LEAD]) == {1.0}
    assert set(causes(times(sampled), sampled.covariates)) == {None}


def test_conditions_are_asked_for_between_calls() -> None:
    bench_ = bench(0.25, device=surrounded({}))

    bench_.sample()

    ends_of_calls = {n * 0.25 for n in range(bench_.call.count + 1)}
    assert isinstance(bench_.device, Surrounded)
    assert set(bench_.device.asked_at) <= ends_of_calls


# Waiting


def test_time_inside_calls_is_that_of_every_call_and_nothing_between(monkeypatch: pytest.MonkeyPatch) -> None:
    bench_ = bench(0.25)

    def take_slowly(*arguments: Any) -> object:
        bench_.clock.advance(1.0)
        return take_round(*arguments)

    monkeypatch.setattr(timing_loop, "take_round", take_slowly)
    sampled = bench_.sample(Budget(max_s=8.0, max_rounds=4))

    assert sampled.in_calls_s == 0.25 * bench_.call.count


def test_a_loop_on_a_device_that_is_not_waited_for_yields_nothing() -> None:
    class Unwaited(FakeAsyncDevice):
        def wait(self) -> None:
            pass

    with pytest.raises(NotReadyError):
        bench(0.25, device=Unwaited).sample()


def test_a_real_model_on_the_fake_device_takes_as_long_as_its_operators() -> None:
    """A linear layer and a ReLU are two operators; the second is launched while the first runs."""
    clock = FakeClock()
    device = FakeAsyncDevice(clock)
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    call = Inference(module, torch.zeros(1, 4), contextlib.nullcontext)

    with device.settings(case=None):  # type: ignore[arg-type]
        sampled = sample(call.phases, device, Budget(max_rounds=3, min_rounds=3), clock=clock)

    assert {r.device_s for r in sampled.rounds} == {LAUNCH_S + 2 * OPERATOR_S}
    assert {r.host_s for r in sampled.rounds} == {LAUNCH_S + 2 * OPERATOR_S}
