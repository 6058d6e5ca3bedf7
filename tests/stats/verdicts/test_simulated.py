"""What the two-stage rule may claim: simulated experiments, seeded, of twenty cases.

Bounds have the binomial tolerance of as many experiments as are drawn: three standard errors.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from contested import make_contest, make_experiment, replicates_of
from synthetic import make_case
from two_stages import (
    Flags,
    Noise,
    bimodal,
    called_slower,
    heavy,
    normal,
    of_correlated_blocks,
    slightly_correlated,
)

from zoobench.records.comparison import Evidence, Rule, Stage, Verdict
from zoobench.stats.verdicts.decide import decide

INDEPENDENT = (normal, bimodal, heavy, of_correlated_blocks)
"""Generations independent of each other, as the design has it, whatever happens inside them."""

CASES = 20
EXPERIMENTS = 1000
SCREEN = 8
SPREAD = 0.02
RULE = Rule(margin_ratio=0.05)


def simulate(
    noise: Noise,
    changes: list[float],
    rule: Rule,
    *,
    spread: float = SPREAD,
    confirm: int = 12,
    experiments: int = EXPERIMENTS,
) -> Flags:
    """Which cases were called slower, by experiment."""
    rng = np.random.default_rng(20260301)
    shifts = np.log1p(changes)[:, None]
    screened, confirmed = (
        shifts + spread * noise(rng, (experiments, len(changes), generations)) for generations in (SCREEN, confirm)
    )
    return called_slower(screened, confirmed, rule)


def share_of_red(flags: Flags) -> float:
    return float(flags.any(axis=1).mean())


def at_most(alpha: float, experiments: int = EXPERIMENTS) -> float:
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / experiments)


@pytest.mark.parametrize("confirm", [9, 16])
@pytest.mark.parametrize("noise", INDEPENDENT)
def test_where_all_cases_are_slower_by_exactly_the_margin_few_experiments_are_red(noise: Noise, confirm: int) -> None:
    """The worst that the hypothesis allows: all twenty at its edge, and half of them suspected."""
    red = share_of_red(simulate(noise, [RULE.margin_ratio] * CASES, RULE, confirm=confirm))
    assert red <= at_most(RULE.alpha)


@pytest.mark.parametrize("margin_ratio", [0.02, 0.05])
@pytest.mark.parametrize("noise", [*INDEPENDENT, slightly_correlated])
def test_where_nothing_changed_hardly_an_experiment_is_red(noise: Noise, margin_ratio: float) -> None:
    red = share_of_red(simulate(noise, [0.0] * CASES, Rule(margin_ratio=margin_ratio)))
    assert red <= 0.002


def test_at_the_margin_generations_that_hang_together_cost_three_times_alpha() -> None:
    """What is not claimed: by 0.2 from one to the next, an eighth of the experiments at the very edge is red.

    Where nothing changed, none is (above): the margin is what protects then.
    """
    red = share_of_red(simulate(slightly_correlated, [RULE.margin_ratio] * CASES, RULE))
    assert red <= at_most(3 * RULE.alpha)


def test_a_smaller_alpha_is_kept_too() -> None:
    strict = Rule(margin_ratio=0.05, alpha=0.01)
    assert share_of_red(simulate(normal, [0.05] * CASES, strict, confirm=16)) <= at_most(0.01)


POWER = {
    # margin, spread: share found of +5 %, +10 %, +20 % at least, under normal noise
    (0.02, 0.01): (0.99, 0.99, 0.99),
    (0.02, 0.02): (0.98, 0.99, 0.99),
    (0.02, 0.03): (0.80, 0.99, 0.99),
    (0.05, 0.01): (0.00, 0.99, 0.99),
    (0.05, 0.02): (0.00, 0.99, 0.99),
    (0.05, 0.03): (0.00, 0.98, 0.99),
}


@pytest.mark.parametrize(("margin_ratio", "spread"), POWER)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_power_curve(margin_ratio: float, spread: float, place: int) -> None:
    """Of two slower cases among twenty; and none of the others is called slower in their stead."""
    change = (0.05, 0.1, 0.2)[place]
    changes = [change, change, *[0.0] * (CASES - 2)]
    found = simulate(normal, changes, Rule(margin_ratio=margin_ratio), spread=spread)
    assert found[:, :2].mean() >= POWER[margin_ratio, spread][place]
    assert found[:, 2:].any(axis=1).mean() <= 0.01


@pytest.mark.parametrize(
    ("noise", "at_five", "at_ten"), [(bimodal, 0.98, 0.99), (heavy, 0.85, 0.98), (of_correlated_blocks, 0.98, 0.99)]
)
def test_the_power_under_other_noise(noise: Noise, at_five: float, at_ten: float) -> None:
    for change, least in ((0.05, at_five), (0.1, at_ten)):
        found = simulate(noise, [change, change, *[0.0] * (CASES - 2)], Rule(margin_ratio=0.02))
        assert found[:, :2].mean() >= least


def test_the_power_is_no_smaller_for_more_generations() -> None:
    shares = [
        simulate(normal, [0.04] * 2, Rule(margin_ratio=0.02), confirm=confirm).mean() for confirm in (7, 9, 12, 20)
    ]
    assert shares == sorted(shares)


@pytest.mark.parametrize("noise", [normal, heavy])
def test_the_simulated_rule_is_the_one_that_decides(noise: Noise) -> None:
    """Thirty experiments through `decide` itself, raw blocks and all."""
    rng = np.random.default_rng(1)
    rule = Rule(margin_ratio=0.02)
    shifts = np.log1p([0.0, 0.02, 0.05, 0.05, 0.1, -0.1])[:, None]
    screened, confirmed = (shifts + 0.02 * noise(rng, (30, 6, generations)) for generations in (8, 9))
    expected = called_slower(screened, confirmed, rule)
    case_pairs = tuple(make_contest(make_case("resnet18", batch=place + 1)) for place in range(6))
    empty = Evidence(setup=make_experiment(rule), case_pairs=case_pairs)
    for setup in range(30):
        replicates = [
            one
            for place, case_pair in enumerate(case_pairs)
            for stage, values in ((Stage.SCREEN, screened), (Stage.CONFIRM, confirmed))
            for one in replicates_of(case_pair.id, values[setup, place].tolist(), stage)
        ]
        cases = decide(msgspec.structs.replace(empty, replicates=tuple(replicates))).cases
        assert [case.verdict is Verdict.SLOWER for case in cases] == expected[setup].tolist()
    assert 0 < expected.mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize("noise", INDEPENDENT)
@pytest.mark.parametrize("confirm", [9, 12, 20])
def test_the_error_is_bounded_over_many_experiments(noise: Noise, confirm: int) -> None:
    experiments = 20_000
    red = np.concatenate(
        [
            called_slower(
                *(
                    math.log1p(RULE.margin_ratio) + SPREAD * noise(rng, (1000, CASES, generations))
                    for generations in (SCREEN, confirm)
                ),
                RULE,
            ).any(axis=1)
            for rng in map(np.random.default_rng, range(experiments // 1000))
        ]
    )
    assert red.mean() <= at_most(RULE.alpha, experiments)
