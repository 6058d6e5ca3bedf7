from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from synthetic import measurement

from zoobench.disturbance import Cause
from zoobench.stats import MIN_BLOCKS, summarize, summarize_blocks
from zoobench.summaries import quiet_blocks, split, summarize_rounds, summary_of

SLOW = Cause.SLOW


def paced(*are_disturbed: bool) -> dict[str, tuple[float, ...]]:
    return {"pace": tuple(2.0 if is_disturbed else 1.0 for is_disturbed in are_disturbed)}


def test_items_are_split_into_consecutive_parts() -> None:
    assert split("abcdef", [1, 3, 2]) == ["a", "bcd", "ef"]
    assert split([], []) == []


@given(st.lists(st.lists(st.integers(), max_size=4), max_size=8))
def test_splitting_undoes_joining(parts: list[list[int]]) -> None:
    assert split(list(itertools.chain(*parts)), [len(part) for part in parts]) == parts


# Quiet blocks


def test_disturbed_samples_leave_their_block() -> None:
    assert quiet_blocks([1.0, 2.0, 3.0, 4.0], [2, 2], [None, SLOW, None, None]) == [[1.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("size", "quiet", "is_kept"),
    [
        (8, 2, True),
        (8, 1, False),
        (7, 2, True),
        (7, 1, False),
        (4, 1, True),
        (5, 1, False),
        (1, 1, True),
        (1, 0, False),
    ],
)
def test_a_quarter_of_a_block_speaks_for_it(size: int, quiet: int, is_kept: bool) -> None:  # noqa: FBT001
    disturbed_by = [None] * quiet + [SLOW] * (size - quiet)

    kept = quiet_blocks([1.0] * size, [size], disturbed_by)

    assert kept == ([[1.0] * quiet] if is_kept else [])


# Summaries


def test_samples_in_no_blocks_are_replicates() -> None:
    assert summary_of(measurement("latency", *map(float, range(9)))) == summarize(range(9))


def test_disturbed_samples_in_no_blocks_are_set_aside_if_six_are_not() -> None:
    samples = [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    six, five = paced(True, *[False] * 6), paced(True, True, *[False] * 5)

    assert summary_of(measurement("latency", *samples, covariates=six)) == summarize(samples[1:])
    assert summary_of(measurement("latency", *samples, covariates=five)) == summarize(samples)


def test_blocks_are_replicates() -> None:
    samples = [float(n % 5) for n in range(24)]

    summary = summary_of(measurement("latency", *samples, block_sizes=(4,) * 6))

    assert summary == summarize_blocks(split(samples, [4] * 6))
    assert (summary.n, summary.blocks) == (24, 6)


@pytest.mark.parametrize("quiet", range(9))
def test_the_undisturbed_rounds_are_summarised_if_they_fill_six_blocks(quiet: int) -> None:
    """Blocks of two, the disturbed ones twice as slow."""
    samples = [1.0] * 2 * quiet + [2.0] * 2 * (8 - quiet)
    covariates = paced(*[False] * 2 * quiet, *[True] * 2 * (8 - quiet))

    summary = summarize_rounds(samples, [2] * 8, covariates)

    if quiet >= MIN_BLOCKS:
        assert (summary.n, summary.blocks, summary.low, summary.high) == (2 * quiet, quiet, 1.0, 1.0)
    else:
        assert summary == summarize_blocks(split(samples, [2] * 8))


def test_the_confidence_asked_for_is_used() -> None:
    samples = [float(n) for n in range(9)]
    blocked, loose = measurement("latency", *samples, block_sizes=(1,) * 9), measurement("latency", *samples)

    for measured in (blocked, loose):
        less, more = summary_of(measured, 0.5), summary_of(measured, 0.95)
        assert more.low is not None
        assert less.low is not None
        assert more.low < less.low


rounds = st.lists(st.tuples(st.floats(0.5, 2.0), st.booleans(), st.floats(0.0, 1e9)), min_size=6, max_size=60)


@given(rounds, st.integers(1, 5))
def test_what_disturbed_rounds_took_does_not_matter_while_enough_were_quiet(
    drawn: list[tuple[float, bool, float]], size: int
) -> None:
    n = len(drawn) // size * size
    samples = [seconds for seconds, _, _ in drawn[:n]]
    covariates = paced(*(is_disturbed for _, is_disturbed, _ in drawn[:n]))
    replaced = [other if is_disturbed else seconds for seconds, is_disturbed, other in drawn[:n]]
    sizes = [size] * (n // size)
    disturbed_by = [SLOW if is_disturbed else None for _, is_disturbed, _ in drawn[:n]]
    assume(len(quiet_blocks(samples, sizes, disturbed_by)) >= MIN_BLOCKS)

    assert summarize_rounds(replaced, sizes, covariates) == summarize_rounds(samples, sizes, covariates)
