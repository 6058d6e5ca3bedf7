from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from series import processes
from synthetic import measurement

from zoobench.records import Measurement
from zoobench.stats.estimates import MIN_BLOCKS, summarize, summarize_blocks, summarize_replicates
from zoobench.stats.interference import Cause
from zoobench.stats.summaries import (
    is_undisturbed,
    process_medians,
    processes_of,
    quiet_blocks,
    split,
    summarize_rounds,
    summary_of,
)

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


# Processes as replicates


def of_processes(*medians: float, disturbed: int = 0) -> Measurement:
    """Processes of four blocks of three rounds; every round of the first so many was disturbed."""
    samples = [median + spread for median in medians for spread in (-0.5, 0.0, 0.5) * 4]
    covariates = paced(*[True] * 12 * disturbed, *[False] * 12 * (len(medians) - disturbed))
    sizes = {"block_sizes": (3,) * 4 * len(medians), "process_sizes": (12,) * len(medians)}
    return measurement("latency", *samples, covariates=covariates, **sizes)


def test_one_process_is_summarised_by_its_blocks() -> None:
    one = of_processes(1.0)
    alone = measurement("latency", *one.samples, covariates=one.covariates, block_sizes=one.block_sizes)

    assert summary_of(one) == summary_of(alone)
    assert processes_of(alone) == [alone]
    assert process_medians(alone) == [1.0]


def test_the_median_of_the_processes_medians_has_their_interval() -> None:
    measured = of_processes(7.0, 2.0, 6.0, 3.0, 5.0, 4.0, 9.0)
    summary = summary_of(measured)

    assert process_medians(measured) == [7.0, 2.0, 6.0, 3.0, 5.0, 4.0, 9.0]
    assert (summary.median, summary.low, summary.high) == (5.0, 2.0, 9.0)
    assert (summary.n, summary.blocks, summary.processes) == (84, 28, 7)


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_equal_processes_are_summarised_as_each_of_them_without_doubt(processes: int) -> None:
    summary = summary_of(of_processes(*[4.0] * processes))

    assert (summary.median, summary.low, summary.high) == (4.0, 4.0, 4.0)


def test_single_samples_of_processes_are_replicates() -> None:
    measured = measurement("first_call", 3.0, 1.0, 2.0, process_sizes=(1, 1, 1))

    assert process_medians(measured) == [3.0, 1.0, 2.0]
    assert summary_of(measured).low == summarize_replicates([3.0, 1.0, 2.0]).low


@pytest.mark.parametrize(("disturbed", "left"), [(0, 5), (1, 4), (2, 3), (3, 5), (5, 5)])
def test_disturbed_processes_are_left_out_if_most_were_not(disturbed: int, left: int) -> None:
    measured = of_processes(9.0, 8.0, 3.0, 2.0, 1.0, disturbed=disturbed)

    assert process_medians(measured) == [9.0, 8.0, 3.0, 2.0, 1.0][-left:]
    assert summary_of(measured).processes == left
    assert is_undisturbed(measured) == (disturbed < 3)


def test_three_quiet_blocks_stand_for_a_process() -> None:
    samples = [1.0] * 3 + [5.0] * 4
    for quiet, median in ((3, 1.0), (2, 5.0)):
        of_each = [*[False] * quiet, *[True] * (7 - quiet)]
        sizes = {"block_sizes": (1,) * 14, "process_sizes": (7, 7)}
        measured = measurement("latency", *samples * 2, covariates=paced(*of_each * 2), **sizes)
        assert process_medians(measured) == [median] * 2


def coverage(repetitions: int, count: int) -> float:
    """Share of the intervals of so many processes that hold the truth."""
    drawn = processes(np.random.default_rng(20260301), repetitions, count)
    sizes = {"block_sizes": (3,) * 8 * count, "process_sizes": (24,) * count}
    summaries = [summary_of(measurement("latency", *row, **sizes)) for row in drawn.reshape(repetitions, -1).tolist()]
    return sum(s.low <= 1.0 <= s.high for s in summaries) / repetitions


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 8, 12])
def test_intervals_over_processes_hold_the_truth(count: int) -> None:
    assert coverage(1500, count) >= 0.93


def test_the_interval_of_one_process_knows_nothing_of_what_it_drew_once() -> None:
    assert coverage(1500, 1) < 0.9


parts_of_processes = st.lists(
    st.lists(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=5
)


@given(parts_of_processes)
def test_what_each_process_measured_is_found_again(drawn: list[list[list[float]]]) -> None:
    samples = [sample for process in drawn for block in process for sample in block]
    measured = measurement(
        "latency",
        *samples,
        covariates={"page_faults": tuple(map(float, range(len(samples))))},
        block_sizes=tuple(len(block) for process in drawn for block in process),
        process_sizes=tuple(sum(map(len, process)) for process in drawn),
    )
    found = processes_of(measured)

    assert [[list(block) for block in split(each.samples, each.block_sizes)] for each in found] == drawn
    assert [value for each in found for value in each.covariates["page_faults"]] == list(range(len(samples)))


@given(parts_of_processes.filter(lambda drawn: len(drawn) > 1), st.randoms(use_true_random=False))
def test_the_order_of_processes_does_not_matter_to_the_summary(drawn: list[list[list[float]]], rng: object) -> None:
    def measured(parts: list[list[list[float]]]) -> Measurement:
        return measurement(
            "latency",
            *(sample for process in parts for block in process for sample in block),
            block_sizes=tuple(len(block) for process in parts for block in process),
            process_sizes=tuple(sum(map(len, process)) for process in parts),
        )

    shuffled = rng.sample(drawn, len(drawn))  # type: ignore[attr-defined]

    assert summary_of(measured(shuffled)) == summary_of(measured(drawn))
