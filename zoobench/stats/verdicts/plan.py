"""From a time budget to a plan: how many generations, what they cost, and the smallest slowdown they can find."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from zoobench.cases import BadInputError, format_duration, format_percent, plural
from zoobench.records.comparison import CasePair, Evidence, GenerationPlan, Rule, Stage
from zoobench.stats.estimates import MIN_BLOCKS
from zoobench.stats.verdicts.case_verdict import log_margin
from zoobench.stats.verdicts.rank_tests import location, signed_rank_critical, walsh_averages
from zoobench.stats.verdicts.replicates import Gathered, gather

# The first stage: which cases are worth confirming. What it chooses can make the second stage weak, never wrong.
#
# The confirmation sees other generations, so a choice of any kind leaves its tests exact.


class Suspects(NamedTuple):
    """Ids of the case pairs that look slower, and of those that look faster: two families of tests."""

    slower: tuple[str, ...]
    faster: tuple[str, ...]


def suspects(evidence: Evidence) -> tuple[str, ...]:
    """Ids of the case pairs to confirm, in the order of the case pairs; controls are never among them.

    Only generations of the screening are looked at, so the answer is the same whenever it is asked.
    """
    found = find_suspects(gather(evidence, (Stage.SCREEN,)), evidence.setup.rule)
    wanted = {*found.slower, *found.faster}
    return tuple(case_pair.id for case_pair in evidence.case_pairs if case_pair.id in wanted)


def screened_spread(evidence: Evidence) -> float | None:
    """The median over the cases of the standard deviation of their log-ratios in the screening; None without any."""
    spreads = [
        statistics.stdev(ratio.value for ratio in one.screened)
        for one in gather(evidence, (Stage.SCREEN,))
        if len(one.screened) > 1 and not one.case_pair.is_control
    ]
    return statistics.median(spreads) if spreads else None


def find_suspects(gathered: Iterable[Gathered], rule: Rule) -> Suspects:
    """Those whose estimated change lies beyond the margin.

    Suspecting from half or three quarters of the margin on finds fewer slowdowns, not more: of twenty cases two or
    three that did not change become suspects too, and each of them makes the tests of the others harder to pass.
    (Simulated: +5 % by a margin of 2 %, a spread of 3 %, 8 generations and 12 to confirm: 71 %, 79 %, and 85 % here.)
    """
    margin = log_margin(rule)
    estimates = {
        one.case_pair.id: location([ratio.value for ratio in one.screened]).estimate
        for one in gathered
        if one.screened and not one.case_pair.is_control
    }
    return Suspects(
        slower=tuple(name for name, estimate in estimates.items() if estimate > margin),
        faster=tuple(name for name, estimate in estimates.items() if estimate < -margin),
    )


SPREAD_RATIO = 0.02
"""Of the log-ratios of generations, where nothing is known yet: the middle of what was seen on a busy virtual machine
with retained heaps (0.9 % to 2.8 %; method, section 6)."""

POWER = 0.8

LEAST_SCREEN = MIN_BLOCKS
"""Fewer replicates have no interval, and then nothing is the same."""

LEAST_ROUNDS = 1
"""In a block, however long a call is."""

SETTLING_S = 0.01
"""Before a block: the other side's threads have just stopped, and spin for some milliseconds yet (seen: 1 to 7, of
GNU's OpenMP); caches hold what that side computed."""

_OVERHEAD = 1.1
"""For readings of the reference and for what goes to and fro."""

_MOST_SCREEN = 16
_MOST_CONFIRM = 24
"""Beyond these the intervals narrow slowly: the time is given back."""

_SPARE = 3
"""Generations beyond the least that could confirm: some are dropped, and a slow head is not slower every time."""

_SUSPECT_SHARE = 0.1
"""Of the cases, foreseen to be suspected, one at least."""

_DRAWS = 2000
_SEED = 6


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What the pilot saw, in seconds: `start_s` until the workers of a generation are ready, the rest by case pair.

    `fixed_s` is what a case pair takes in a generation before its first block, on both sides together: processes of its
    own if it has them, building, warming up. `call_s` is a warm call, the mean of both sides. A case pair that is in
    neither is not measured.
    """

    start_s: float
    fixed_s: dict[str, float]
    call_s: dict[str, float]


class PlanShape(NamedTuple):
    """Of a case pair in one generation."""

    blocks: int
    block_s: float


_SHAPES = tuple(PlanShape(blocks, 0.01) for blocks in (64, 48, 32, 24, 16))
"""The best first: turns as short as calls allow, and many of them. On a busy virtual machine mobilenet_v2 takes 15 or
22 ms, and goes from one to the other within a tenth of a second. Of eight pairs of fresh processes of the same net that
took turns call by call, log-ratios spread by 10.8 % after 10 turns (one of them was off by 30 %), 2.0 % after 25, 1.7 %
after 50 and 1.4 % after 100; blocks of three calls, two on each side, by 17 %."""


def make_plan(
    case_pairs: Sequence[CasePair], costs: Costs, rule: Rule, budget_s: float, *, spread_ratio: float = SPREAD_RATIO
) -> GenerationPlan:
    """The plan that fits: time for confirmation is set aside, the rest goes into screening, up to a bound.

    Where the budget is short, blocks become shorter and fewer. `budget_s` is what is left after the pilot.
    Raises: BadInputError if not even the shortest plan fits; it says how many minutes do.
    """
    for shape in _SHAPES:
        prices = _prices_of(case_pairs, costs, shape, rule)
        screen = min(_MOST_SCREEN, math.floor((budget_s - prices.confirm * prices.confirm_s) / prices.screen_s))
        if screen >= LEAST_SCREEN:
            return _plan_of(prices, screen, rule, spread_ratio)
    shortest = _plan_of(prices, LEAST_SCREEN, rule, spread_ratio)
    missing_min = math.ceil((shortest.expected_s - budget_s) / 60)
    raise BadInputError(
        f"{format_duration(budget_s)} are too short for {plural(shortest.cases, 'case')}: {LEAST_SCREEN} generations "
        f"to screen them and {shortest.confirm_generations} to confirm suspects take "
        f"{format_duration(shortest.expected_s)}; ask for {plural(missing_min, 'minute')} more (--minutes), or for "
        "fewer --models"
    )


def confirmation_plan(evidence: Evidence, costs: Costs, left_s: float) -> GenerationPlan:
    """The plan in force once the screening is over: its suspects and the controls, in the time that is left.

    As many generations as could confirm every suspect are taken even if they take longer: fewer would be time thrown
    away. Without suspects there are none. The spread is the one that the screening saw.
    """
    plan, rule, chosen = evidence.plans[-1], evidence.setup.rule, suspects(evidence)
    spread_ratio = screened_spread(evidence) or plan.spread_ratio
    if not chosen:
        return msgspec.structs.replace(plan, confirm_generations=0, expected_s=0.0, spread_ratio=spread_ratio)
    measured = [*chosen, *(case_pair.id for case_pair in evidence.case_pairs if case_pair.is_control)]
    least = least_confirm(len(chosen), rule) + _SPARE
    for shape in _no_larger_than(PlanShape(plan.blocks, plan.block_s)):
        each_s = costs.start_s + sum(cost_s(costs, name, shape) for name in measured)
        if each_s * least <= left_s:
            break
    generations = max(least, min(_MOST_CONFIRM, math.floor(left_s / each_s)))
    return msgspec.structs.replace(
        plan,
        confirm_generations=generations,
        blocks=shape.blocks,
        block_s=shape.block_s,
        expected_s=generations * each_s,
        spread_ratio=spread_ratio,
        smallest_ratio=smallest_ratio(plan.screen_generations, generations, len(chosen), rule, spread_ratio),
    )


def rounds_of(block_s: float, call_s: float) -> int:
    """Rounds of a block, for calls of that length."""
    return max(LEAST_ROUNDS, math.ceil(block_s / call_s)) if call_s > 0 else LEAST_ROUNDS


def cost_s(costs: Costs, case_pair: str, shape: PlanShape) -> float:
    """Seconds of one case pair in one generation; 0 if it is not measured.

    Both sides take as many rounds a block as the mean of their calls asks for.
    """
    if case_pair not in costs.fixed_s:
        return 0.0
    call_s = costs.call_s[case_pair]
    block_s = rounds_of(shape.block_s, call_s) * call_s + max(SETTLING_S, call_s)
    return costs.fixed_s[case_pair] + _OVERHEAD * shape.blocks * block_s


def least_confirm(suspects: int, rule: Rule) -> int:
    """The least generations after which every one of so many suspects can be confirmed: 2⁻ⁿ ≤ α ÷ suspects."""
    return math.ceil(math.log2(max(1, suspects) / rule.alpha))


def smallest_ratio(screen: int, confirm: int, suspects: int, rule: Rule, spread_ratio: float) -> float:
    """The slowdown that is found with a probability of 80 %, as a ratio, if log-ratios spread normally.

    A case must become a suspect, and its exact test come out below α ÷ `suspects`. Both are so from some shift of its
    log-ratios on, of which a fixed sample of experiments is drawn: the test counts the Walsh averages above the margin,
    and the screening looks at their median. Infinite if the generations are too few for any.
    """
    margin = math.log1p(rule.margin_ratio)
    critical = signed_rank_critical(confirm, rule.alpha / max(1, suspects))
    if critical is None:
        return math.inf
    screened, confirmed = _shifts(screen, confirm, critical)
    needed = np.quantile(np.maximum(screened, confirmed), POWER)
    return math.expm1(margin + spread_ratio * float(needed))


def describe_plan(plan: GenerationPlan) -> str:
    """The plan in one line."""
    return (
        f"{plural(plan.cases, 'case')}, {plan.screen_generations} generations of {plan.blocks} blocks to screen them "
        f"and {plan.confirm_generations} to confirm suspects, about {format_duration(plan.expected_s)}: a slowdown of "
        f"{format_percent(plan.smallest_ratio)} is found with a probability of {format_percent(POWER, digits=0)} if "
        f"generations spread by {format_percent(plan.spread_ratio)}"
    )


class _Prices(NamedTuple):
    """Of one shape: seconds of a generation of either stage, with the suspects foreseen, and how many confirm them."""

    cases: int
    shape: PlanShape
    suspects: int
    screen_s: float
    confirm_s: float
    confirm: int


def _prices_of(case_pairs: Sequence[CasePair], costs: Costs, shape: PlanShape, rule: Rule) -> _Prices:
    cases_s, controls_s = (
        [cost_s(costs, one.id, shape) for one in case_pairs if one.is_control is is_control and one.id in costs.fixed_s]
        for is_control in (False, True)
    )
    foreseen = max(1, math.ceil(_SUSPECT_SHARE * len(cases_s)))
    foreseen_s = foreseen * sum(cases_s) / max(1, len(cases_s))
    return _Prices(
        cases=len(cases_s),
        shape=shape,
        suspects=foreseen,
        screen_s=costs.start_s + sum(cases_s) + sum(controls_s),
        confirm_s=costs.start_s + foreseen_s + sum(controls_s),
        confirm=least_confirm(foreseen, rule) + _SPARE,
    )


def _plan_of(prices: _Prices, screen: int, rule: Rule, spread_ratio: float) -> GenerationPlan:
    return GenerationPlan(
        cases=prices.cases,
        screen_generations=screen,
        confirm_generations=prices.confirm,
        blocks=prices.shape.blocks,
        block_s=prices.shape.block_s,
        expected_s=screen * prices.screen_s + prices.confirm * prices.confirm_s,
        spread_ratio=spread_ratio,
        smallest_ratio=smallest_ratio(screen, prices.confirm, prices.suspects, rule, spread_ratio),
    )


def _no_larger_than(shape: PlanShape) -> Sequence[PlanShape]:
    return [one for one in _SHAPES if one.blocks <= shape.blocks and one.block_s <= shape.block_s] or [shape]


@functools.lru_cache
def _shifts(
    screen: int, confirm: int, critical: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """From which shift on, in standard deviations, each drawn experiment suspects, and confirms."""
    rng = np.random.default_rng(_SEED)
    suspected = -np.median(walsh_averages(rng.standard_normal((_DRAWS, screen))), axis=1)
    walsh = np.sort(walsh_averages(rng.standard_normal((_DRAWS, confirm))), axis=1)
    return suspected, -walsh[:, walsh.shape[1] - critical]
