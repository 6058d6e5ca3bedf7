from __future__ import annotations

import pytest

from zoobench.stats.interference import paces, quiet_s


def test_the_quiet_machine_is_that_of_the_best_tenth() -> None:
    readings = [float(n) for n in range(100, 0, -1)]

    assert quiet_s(readings) == 11.0, "ten of a hundred readings are better"


def test_of_few_readings_it_is_the_best() -> None:
    assert quiet_s([3.0, 2.0, 5.0]) == 2.0


def test_without_readings_there_is_no_pace() -> None:
    with pytest.raises(ValueError, match=r"^no readings, no pace$"):
        quiet_s([])


def test_a_round_is_as_slow_as_the_slower_of_the_readings_around_it() -> None:
    assert paces([[1.0, 1.0, 1.5, 1.0]], 1.0) == (1.0, 1.5, 1.5)


def test_paces_are_against_the_best() -> None:
    assert paces([[3.0, 4.0]], 2.0) == (2.0,)


def test_no_round_lies_between_two_blocks() -> None:
    assert paces([[1.0, 1.0], [2.0, 2.0, 1.0]], 1.0) == (1.0, 2.0, 2.0)
