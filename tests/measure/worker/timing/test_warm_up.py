from __future__ import annotations

import math

import numpy as np
import pytest

from zoobench.measure.worker.timing_loop import WINDOW, is_flat
from zoobench.stats import estimates

FALLING = [float(WINDOW - n) for n in range(WINDOW)]


def test_equal_times_are_flat() -> None:
    assert is_flat([0.25] * WINDOW)


def test_falling_times_are_not() -> None:
    assert not is_flat(FALLING)


def test_rising_times_are_no_warm_up() -> None:
    assert is_flat(FALLING[::-1])


@pytest.mark.parametrize("n", [0, 1, WINDOW - 1])
def test_too_few_times_tell_nothing(n: int) -> None:
    assert not is_flat([0.25] * n)


def test_only_the_last_calls_count() -> None:
    assert is_flat([*FALLING, *[0.25] * WINDOW])
    assert not is_flat([*[0.25] * WINDOW, *FALLING])


def test_one_slow_first_call_is_not_a_trend() -> None:
    """Nine of 45 pairs fall: -9 ÷ √125 is -0.80."""
    times = [100.0, *[1.0] * (WINDOW - 1)]

    assert estimates.trend(times) == -9 / math.sqrt(125)
    assert is_flat(times)


@pytest.mark.parametrize(("s", "flat"), [(-17, True), (-19, False)])
def test_the_critical_fall_is_at_five_percent(s: int, flat: bool) -> None:  # noqa: FBT001
    """Of ten, S of -19 lies beyond -1.645 √125 = -18.4, and -17 does not: (45 - 17) ÷ 2 pairs out of order less."""
    rising_pairs = (WINDOW * (WINDOW - 1) // 2 + s) // 2
    times = with_rising_pairs(rising_pairs)

    assert estimates.trend(times) == s / math.sqrt(125)
    assert is_flat(times) is flat


def with_rising_pairs(count: int) -> list[float]:
    """Ten falling values, of which neighbours are exchanged until so many pairs rise."""
    times = list(FALLING)
    for _ in range(count):
        at = next(n for n in range(WINDOW - 1) if times[n] > times[n + 1])
        times[at], times[at + 1] = times[at + 1], times[at]
    return times


def test_steady_noise_is_taken_for_warm_up_once_in_twenty() -> None:
    """Exactly: P(S ≤ -19) for ten is 0.054 (Kendall, table of S); 2,000 draws, within five standard errors."""
    draws = np.random.default_rng(20260301).standard_normal((2000, WINDOW))
    refused = sum(not is_flat(row) for row in draws.tolist()) / len(draws)

    assert refused == pytest.approx(0.054, abs=5 * math.sqrt(0.054 * 0.946 / 2000))
