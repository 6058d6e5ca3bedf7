"""Warm up, then take blocks of rounds, each under another memory layout, until the stopping rule says enough."""

from __future__ import annotations

import enum
import functools
import math
import statistics
from collections.abc import Callable, Sequence

import msgspec

from zoobench.cases import Budget
from zoobench.devices import REFERENCE, Device
from zoobench.measure.worker.layout import FixedLayout, Layout
from zoobench.measure.worker.rounds import HOST_CLOCK, CallPhase, Clock, Round, take_round, watched_stops
from zoobench.stats import estimates
from zoobench.stats.estimates import MIN_BLOCKS, summarize_blocks
from zoobench.stats.interference import PACE, causes, paces, quiet_s
from zoobench.stats.summaries import quiet_blocks

# When warm-up is over: as soon as calls are no longer getting faster, which is tested and not assumed.


WINDOW = 10
"""Calls looked at: the normal approximation of the test is good from about ten (Mann 1945, Econometrica 13)."""

_CRITICAL = -1.645
"""One-sided, at 5 %: warm-up goes on while a downward trend is that unlikely to be chance."""


def is_flat(times_s: Sequence[float]) -> bool:
    """Whether the last calls show no downward trend; False before there are enough. An upward one is no warm-up."""
    return len(times_s) >= WINDOW and estimates.trend(times_s[-WINDOW:]) > _CRITICAL


def take_warm_up(take: Callable[[], Round], bound_s: float, clock: Clock) -> list[Round]:
    """The first call always; more until they are no longer getting faster, or the next would end past the bound.

    The bound holds for what follows the first call. In that one kernels are chosen, loaded and compiled, for seconds
    on a GPU and minutes by a compiler, so that it neither predicts the next call nor uses up the time.
    """
    rounds = [take()]
    if bound_s <= 0:
        return rounds
    began = clock()
    rounds.append(take())
    while not is_flat([r.host_s for r in rounds]) and clock() - began + rounds[-1].host_s <= bound_s:
        rounds.append(take())
    return rounds


def typical_s(warm_up: Sequence[Round]) -> float:
    """What a call takes by the later half of them: the first calls are not typical."""
    return statistics.median(r.host_s for r in warm_up[len(warm_up) // 2 :])


# When there are enough rounds. A rule is a pure function, so that it can be tested and replaced.


RoundTimes = Sequence[float]


class Stop(enum.StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    MAX_ROUNDS = "max-rounds"
    MAX_SECONDS = "max-seconds"


def reason_to_stop(
    budget: Budget, rounds: int, *, elapsed_s: float, next_s: float, undisturbed: Callable[[], Sequence[RoundTimes]]
) -> Stop | None:
    """Why to stop after a block, or None to go on.

    `elapsed_s` is the time since the first call ended, `next_s` what another block is expected to take: one that would
    end past the budget is not begun. `undisturbed` gives the blocks of rounds that nothing disturbed; it is asked last.
    """
    if rounds >= budget.max_rounds:
        return Stop.MAX_ROUNDS
    if elapsed_s + next_s > budget.max_s:
        return Stop.MAX_SECONDS
    if elapsed_s < budget.min_s or rounds < budget.min_rounds:
        return None
    return Stop.PRECISE if _is_precise(undisturbed(), budget.precision_target) else None


def _is_precise(blocks: Sequence[RoundTimes], target_ratio: float) -> bool:
    """Whether the interval is narrow, and was before the last block as well.

    Who looks after every block and stops at the first narrow interval stops at one that is narrow by chance, the more
    often the more looks it takes. Simulated, two in a row lift the share of intervals that hold the truth where this
    costs most, of autocorrelated rounds, from 90 % to 94 % (`tests/timing/test_stopping.py`).
    """
    return all(_is_narrow(seen, target_ratio) for seen in (blocks, blocks[:-1]))


def _is_narrow(blocks: Sequence[RoundTimes], target_ratio: float) -> bool:
    half_width_ratio = summarize_blocks(blocks).half_width_ratio if blocks else None
    return half_width_ratio is not None and half_width_ratio <= target_ratio


BLOCK_S = 0.15
"""Of rounds under one layout: some multiples of what a disturbance or a correlation between rounds usually lasts."""

_LEAST_BLOCKS_IN_BUDGET = 2 * MIN_BLOCKS
"""A budget too short for so many blocks of that length has shorter ones."""

_LEAST_BLOCKS_IN_MAX_ROUNDS = 8

_WARM_UP_CALLS = 4
"""Of calls so long that a budget has hardly room for them."""

Take = Callable[[], Round]
AllocatedBytes = Callable[[], int | None]


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop yields.

    `first_call_s` is by the host's clock and is the first of the warm-up calls; `is_warm` whether these had stopped
    getting faster when rounds began (True where they were too few to decide). `block_sizes` are numbers of consecutive
    rounds, `covariates` have one value a round. `reference_s` is what the device's fixed computation took at the
    quietest, if it has one. `is_shuffled`: whether every block had a layout of its own. `kept_bytes` are what was
    allocated after the rounds of each block and not before them, None where nobody knows.
    """

    rounds: tuple[Round, ...]
    block_sizes: tuple[int, ...]
    covariates: dict[str, tuple[float, ...]]
    first_call_s: float
    warm_up_calls: int
    warm_up_s: float
    is_warm: bool
    is_shuffled: bool
    kept_bytes: tuple[int | None, ...]
    reference_s: float | None
    stop: Stop
    in_calls_s: float


def sample(
    phases: Sequence[CallPhase],
    device: Device,
    budget: Budget,
    *,
    layout: Layout | None = None,
    known_reference_s: float | None = None,
    allocated_bytes: AllocatedBytes = lambda: None,
    least_blocks: int = MIN_BLOCKS,
    clock: Clock = HOST_CLOCK,
) -> Sampled:
    """Take blocks of rounds within the budget, at least one round after at least one warm-up call.

    The first call is outside the budget, whose seconds count from its end. A call so long that they are spent before
    the first round is still timed once: one honest sample, which the findings then call too few. `known_reference_s` is
    what the device's fixed computation was seen to take before. `allocated_bytes` is asked before and after the rounds
    of a block, never between them. `least_blocks` are wanted: six for an interval of their own, one where another
    process is another replicate.
    """
    began = clock()
    take = functools.partial(take_round, phases, device, clock)
    with watched_stops():
        warm_up = take_warm_up(take, min(budget.max_warmup_s, budget.max_s), clock)
        warm_up_s = clock() - began
        budget_began = began + warm_up[0].host_s
        call_s = typical_s(warm_up)
        settles = _settles(call_s, budget, least_blocks)
        taken = _Taken(device, layout or FixedLayout(), take, known_reference_s, allocated_bytes, settles=settles)
        stop = _take_blocks(taken, budget, block_size(call_s, budget), lambda: clock() - budget_began)
    return Sampled(
        rounds=tuple(taken.rounds),
        block_sizes=tuple(taken.block_sizes),
        covariates=taken.covariates(),
        first_call_s=warm_up[0].host_s,
        warm_up_calls=len(warm_up),
        warm_up_s=warm_up_s,
        is_warm=len(warm_up) < WINDOW or is_flat([r.host_s for r in warm_up]),
        is_shuffled=taken.is_shuffled,
        kept_bytes=tuple(taken.kept_bytes),
        reference_s=taken.reference_s(),
        stop=stop,
        in_calls_s=sum(r.host_s for r in warm_up) + taken.in_calls_s,
    )


def _take_blocks(taken: _Taken, budget: Budget, size: int, elapsed_s: Callable[[], float]) -> Stop:
    """Take blocks until the stopping rule gives a reason."""
    while True:
        taken.add_block(min(size, budget.max_rounds - len(taken.rounds)))
        stop = reason_to_stop(
            budget,
            len(taken.rounds),
            elapsed_s=elapsed_s(),
            next_s=taken.expected_s(size),
            undisturbed=taken.undisturbed,
        )
        if stop is not None:
            return stop


def block_size(call_s: float, budget: Budget) -> int:
    """How many rounds make a block, for calls of that length."""
    block_s = min(BLOCK_S, budget.max_s / _LEAST_BLOCKS_IN_BUDGET)
    most = max(1, budget.max_rounds // _LEAST_BLOCKS_IN_MAX_ROUNDS)
    return most if call_s <= 0 else max(1, min(most, math.ceil(block_s / call_s)))


def _settles(call_s: float, budget: Budget, least_blocks: int) -> bool:
    """Whether a call is made once, untimed, after its tensors were moved: if the budget holds two for each block.

    One that is longer has no time for it, and hardly notices.
    """
    return call_s * (_WARM_UP_CALLS + 2 * least_blocks) <= budget.max_s


class _Taken:
    """The blocks taken so far."""

    def __init__(
        self,
        device: Device,
        layout: Layout,
        take: Take,
        known_reference_s: float | None,
        allocated_bytes: AllocatedBytes,
        *,
        settles: bool,
    ) -> None:
        self._device = device
        self._layout = layout
        self._take = take
        self._known_reference_s = known_reference_s
        self._allocated_bytes = allocated_bytes
        self._settles = settles
        self._readings: list[list[float]] = []
        self.rounds: list[Round] = []
        self.block_sizes: list[int] = []
        self.kept_bytes: list[int | None] = []
        self.is_shuffled = True
        self.in_calls_s = 0.0

    def add_block(self, size: int) -> None:
        """Move everything, and take that many rounds."""
        self._settle()
        before_bytes = self._allocated_bytes()
        block = [self._take() for _ in range(size)]
        conditions = [*(r.conditions for r in block), self._device.conditions()]
        after_bytes = self._allocated_bytes()
        self.kept_bytes.append(None if before_bytes is None or after_bytes is None else after_bytes - before_bytes)
        self.rounds += block
        self.block_sizes.append(size)
        self._readings.append([found[REFERENCE] for found in conditions if REFERENCE in found])
        self.in_calls_s += sum(r.host_s for r in block)

    def expected_s(self, size: int) -> float:
        """What a block of that size is expected to take: by the median of the last one, which a pause does not move."""
        call_s = statistics.median(r.host_s for r in self.rounds[-self.block_sizes[-1] :])
        settling = 1 if self._settles and self.is_shuffled else 0
        return (size + settling) * call_s

    def covariates(self) -> dict[str, tuple[float, ...]]:
        """One value a round of all covariates that every round has, and the machine's pace."""
        rounds = [{**r.conditions, **r.covariates} for r in self.rounds]
        names = [name for name in rounds[0] if all(name in of_round for of_round in rounds)]
        columns = {name: tuple(of_round[name] for of_round in rounds) for name in names if name != REFERENCE}
        reference_s = self.reference_s()
        if reference_s is None:
            return columns
        best_s = min(reference_s, self._known_reference_s or reference_s)
        return {**columns, PACE: paces(self._readings, best_s)}

    def reference_s(self) -> float | None:
        """What the fixed computation takes when the machine is quiet; None unless it was read round every round."""
        if any(len(readings) != size + 1 for readings, size in zip(self._readings, self.block_sizes, strict=True)):
            return None
        return quiet_s([reading for block in self._readings for reading in block])

    def undisturbed(self) -> list[list[float]]:
        """The blocks of rounds that nothing disturbed."""
        samples = [r.device_s for r in self.rounds]
        return quiet_blocks(samples, self.block_sizes, causes(samples, self.covariates()))

    def _settle(self) -> None:
        """A new layout, and a call that makes itself at home in it. The first block is under a new one as well."""
        if not self._layout.shuffle():
            self.is_shuffled = False
        elif self._settles:
            self.in_calls_s += self._take().host_s
