from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import measurement

from zoobench.stats import calibration

TIMES = st.floats(1e-6, 1e3)


def repeated(*processes: tuple[float, ...]):
    samples = [sample for process in processes for sample in process]
    return measurement("repeated_latency", *samples, block_sizes=tuple(map(len, processes)))


def test_a_process_s_figure_is_the_median_of_its_own_block() -> None:
    assert calibration.block_medians(repeated((1.0, 9.0, 2.0), (5.0,), (4.0, 8.0))) == (2.0, 5.0, 6.0)


def test_samples_that_are_not_in_blocks_are_of_one_process() -> None:
    assert calibration.block_medians(measurement("latency", 1.0, 3.0)) == (2.0,)


def test_noise_is_of_pairs_and_a_process_is_in_one_pair_only() -> None:
    """1 and 3: 2 apart, mean 2. 4 and 4: none. The fifth has no partner."""
    measured = repeated((1.0,), (3.0,), (4.0,), (4.0,), (100.0,))

    assert calibration.noise_ratios(measured) == (1.0, 0.0)
    assert calibration.noise_floor(measured) == 0.5


def test_one_process_says_nothing_of_the_next() -> None:
    assert math.isnan(calibration.noise_floor(repeated((1.0, 2.0))))
    assert math.isnan(calibration.process_spread(repeated((1.0, 2.0))))


def test_spread_is_the_coefficient_of_variation() -> None:
    """Medians 1, 2, 3: standard deviation 1 with n - 1, mean 2."""
    assert calibration.process_spread(repeated((1.0,), (2.0, 2.0), (3.0,))) == 0.5


@given(st.lists(TIMES, min_size=2, max_size=12), st.sampled_from([2.0**-10, 0.5, 8.0]))
def test_noise_and_spread_do_not_depend_on_the_unit_of_time(medians: list[float], scale: float) -> None:
    measured = repeated(*((median,) for median in medians))
    scaled = repeated(*((median * scale,) for median in medians))

    assert calibration.noise_floor(scaled) == pytest.approx(calibration.noise_floor(measured))
    assert calibration.process_spread(scaled) == pytest.approx(calibration.process_spread(measured))


@given(st.lists(TIMES, min_size=1, max_size=30))
def test_a_steady_pace_is_the_only_one_without_slow_time(samples: list[float]) -> None:
    measured = measurement("pace", *samples)

    assert calibration.pace_ratio(measured) >= 0
    assert 0 <= calibration.slow_share(measured) < 1
    assert (calibration.slow_share(measured) == 0) == (max(samples) <= 1.05 * min(samples))


def test_a_tenth_of_the_pieces_are_at_least_so_slow() -> None:
    assert calibration.slowest_tenth(measurement("launch_pace", *[1.0] * 18, 1.5, 2.0)) == 0.5, "two of twenty"
    assert calibration.slowest_tenth(measurement("launch_pace", 1.0, 1.25)) == 0.25, "one at least"
    assert calibration.slowest_tenth(measurement("launch_pace", 1.0)) == 0.0


def test_pace_is_held_against_the_best() -> None:
    measured = measurement("pace", 2.0, 2.0, 3.0, 3.0, 3.0)

    assert calibration.pace_ratio(measured) == 0.5
    assert calibration.slow_share(measured) == 9 / 13, "of the time, not of the pieces"
    assert calibration.slow_share(measurement("pace", 1.0, calibration.SLOW_RATIO)) == 0, (
        "no slower than that is not slow"
    )


def test_drift_is_from_the_first_third_to_the_last() -> None:
    assert calibration.drift(measurement("pace", 1.0, 1.0, 7.0, 9.0, 1.25, 1.25)) == 0.25
    assert calibration.drift(measurement("pace", 2.0, 1.0)) == -0.5
    assert calibration.drift(measurement("pace", 2.0)) == 0.0


def test_what_is_typical_is_the_median() -> None:
    assert calibration.typical(measurement("steal", 1.0, 2.0, 9.0)) == statistics.median([1.0, 2.0, 9.0])
