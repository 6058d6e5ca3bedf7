from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import measurement

from zoobench.cases import Budget
from zoobench.cases.options import OPTIONS
from zoobench.records import Finding, Measurement, Severity
from zoobench.stats.findings import text_of
from zoobench.stats.side_effects import (
    AWAKE_SHARE,
    LEAK_BYTES,
    Presence,
    judge_attached,
    judge_drift,
    judge_idleness,
    judge_leak,
    judge_settings,
    judge_threads,
    judge_work,
)

BUDGET = Budget(precision_target=0.02)
ROUNDS = 4
"""In a block."""


def blocks(medians: Sequence[float], **covariates: Sequence[float]) -> Measurement:
    """Latencies, all rounds of a block alike."""
    samples = np.repeat(np.asarray(medians, dtype=float), ROUNDS).tolist()
    sizes = (ROUNDS,) * len(medians)
    told = {name: tuple(values) for name, values in covariates.items()}
    return measurement("latency", *samples, block_sizes=sizes, covariates=told)


# Leaks


@pytest.mark.parametrize(("a_call", "is_found"), [(LEAK_BYTES - 1, False), (LEAK_BYTES, True)])
def test_a_leak_is_what_every_call_keeps(a_call: int, *, is_found: bool) -> None:
    sizes = (100, 200, 300)

    found = list(judge_leak([size * a_call for size in sizes], sizes))

    assert bool(found) is is_found


def test_a_leak_in_words() -> None:
    (finding,) = judge_leak([10 * 2**20] * 6, (10,) * 6)

    assert finding.severity is Severity.WARNING
    assert text_of(finding) == (
        "every call keeps 1.00 MiB more, seen over 60 calls: what a model stores in itself or in lists grows until "
        "memory runs out; drop it within the call"
    )


@pytest.mark.parametrize(
    "kept",
    [[2**30, 0, 0, 0, 0, 0], [2**30, 0, 0, 2**30, 0, 0], [-(2**30)] * 6, [2**30, 2**30], [2**17] * 6, [None] * 6],
    ids=[
        "a cache that fills",
        "a cache that fills later",
        "what is freed",
        "too few blocks",
        "a thread's cache",
        "nobody knows",
    ],
)
def test_no_leak(kept: list[int | None]) -> None:
    assert list(judge_leak(kept, (1,) * len(kept))) == []


# Drift


def test_a_steady_rise_drifts() -> None:
    (finding,) = judge_drift(BUDGET, blocks(np.linspace(0.010, 0.015, 12)))

    assert finding.values["change_ratio"] == pytest.approx((0.015 - 0.005 * 1.5 / 11) / (0.010 + 0.005 * 1.5 / 11) - 1)
    assert text_of(finding).startswith(
        "the time of a call went from 10.7 ms to 14.3 ms in the course of the rounds, by 34.0 %, more than the ±2.0 %"
    )


def test_a_fall_drifts_as_well() -> None:
    (finding,) = judge_drift(BUDGET, blocks(np.linspace(0.015, 0.010, 12)))

    assert "from 14.3 ms to 10.7 ms in the course of the rounds, by -25.4 %" in text_of(finding)


@pytest.mark.parametrize(
    "medians",
    [
        np.linspace(1.0, 1.02, 12),
        [1.0, 1.5] * 6,
        np.linspace(1.0, 2.0, 5),
        [1.0] * 30,
    ],
    ids=["less than was asked for", "back and forth", "too few blocks", "no change"],
)
def test_no_drift(medians: Sequence[float]) -> None:
    assert list(judge_drift(BUDGET, blocks(medians))) == []


def test_rounds_that_were_disturbed_are_no_drift() -> None:
    """Half the rounds of every block are of a machine that gets busier; the others are as ever."""
    busy = np.linspace(1.1, 3.0, 12).tolist()
    samples = [value for level in busy for value in (1.0, 1.0, level, level)]
    paces = [value for level in busy for value in (1.0, 1.0, level, level)]
    sizes = (ROUNDS,) * 12

    disturbed = measurement("latency", *samples, block_sizes=sizes, covariates={"pace": tuple(paces)})
    unexplained = measurement("latency", *samples, block_sizes=sizes)

    assert list(judge_drift(BUDGET, disturbed)) == []
    assert [finding.code for finding in judge_drift(BUDGET, unexplained)] == ["drifts"]


def correlated(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """An autoregressive series of variance 1, in its steady state."""
    noise = rng.standard_normal(n)
    values = noise.copy()
    for index in range(1, n):
        values[index] = rho * values[index - 1] + np.sqrt(1 - rho**2) * noise[index]
    return values


NOISES = {
    "independent": lambda rng, n: correlated(rng, n, 0.0),
    "alike": lambda rng, n: correlated(rng, n, 0.2),
    "heavy-tailed": lambda rng, n: rng.standard_t(2, n).clip(-20, 20),
    "bimodal": lambda rng, n: 4.0 * (rng.random(n) < 0.4) + 0.2 * rng.standard_normal(n),
}


@pytest.mark.parametrize("n", [6, 12, 50])
@pytest.mark.parametrize("law", NOISES)
def test_noise_is_accused_of_drifting_at_most_once_in_a_hundred(law: str, n: int) -> None:
    rng = np.random.default_rng(20260301)
    runs = 1000

    accused = 0
    for _ in range(runs):
        noise = (1 + 0.03 * NOISES[law](rng, n)).tolist()
        accused += bool(list(judge_drift(BUDGET, measurement("latency", *noise))))

    assert accused <= runs / 100


def test_a_drift_of_a_fifth_is_seen_through_noise_of_a_fiftieth() -> None:
    rng = np.random.default_rng(20260301)
    rise = np.linspace(1.0, 1.2, 16)

    seen = [bool(list(judge_drift(BUDGET, blocks(rise + 0.02 * rng.standard_normal(16))))) for _ in range(200)]

    assert sum(seen) >= 195


# Idleness


def awake(
    *, cpu_s: float = 0.0, run_delay_s: float = 0.0, steal_s: float = 0.0, continued: float = 0.0
) -> list[Finding]:
    """Of calls that take one second."""
    told = {"cpu_s": cpu_s, "run_delay_s": run_delay_s, "steal_s": steal_s, "continued": continued}
    return list(judge_idleness(measurement("latency", *[1.0] * 6, covariates={k: (v,) * 6 for k, v in told.items()})))


def test_a_call_without_a_processor_is_idle() -> None:
    (finding,) = awake(cpu_s=0.1)

    assert finding.values["share_ratio"] == pytest.approx(0.9)
    assert text_of(finding).startswith("for 90 % of a call the process slept or waited, and not for a processor")


@pytest.mark.parametrize(
    "told",
    [
        {"cpu_s": AWAKE_SHARE},
        {"cpu_s": 2.0},
        {"cpu_s": 0.1, "run_delay_s": 0.9},
        {"cpu_s": 0.1, "steal_s": 0.9},
        {"continued": 1.0},
    ],
    ids=["half", "two threads", "others had the processor", "stolen", "stopped"],
)
def test_not_idle(told: dict[str, float]) -> None:
    assert awake(**told) == []


def test_ticks_longer_than_a_call_accuse_nobody() -> None:
    """Processor time in hundredths of a second, of calls of a thousandth."""
    ticks = tuple(0.01 if index % 10 == 9 else 0.0 for index in range(100))
    covariates = {"cpu_s": ticks, "run_delay_s": (0.0,) * 100}

    assert list(judge_idleness(measurement("latency", *[0.001] * 100, covariates=covariates))) == []


@pytest.mark.parametrize("told", [{}, {"cpu_s": (0.0,) * 6}], ids=["nothing", "no waiting"])
def test_where_the_system_does_not_tell_nobody_is_idle(told: dict[str, tuple[float, ...]]) -> None:
    assert list(judge_idleness(measurement("latency", *[1.0] * 6, covariates=told))) == []


# Work


@pytest.mark.parametrize(
    ("operators", "is_work"),
    [([], False), (["flatten", "slice", "view"], False), (["slice", "mul"], True), (["max_pool2d"], True)],
)
def test_work_is_an_operator_that_computes(operators: list[str], *, is_work: bool) -> None:
    assert (list(judge_work(operators, 1e-5)) == []) is is_work


# Settings


settings = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("012"), min_size=6, max_size=6)


@given(settings, settings)
def test_settings_that_differ_are_named_with_before_and_after(before: dict[str, str], after: dict[str, str]) -> None:
    found = list(judge_settings(before, after))

    told = set(str(found[0].values["changes"]).split(", ")) if found else set()
    assert told == {f"{name} {before[name]} → {after[name]}" for name in before if before[name] != after[name]}


# Threads and hooks


def test_threads_of_python_are_named() -> None:
    before = Presence(python_threads=("MainThread", "worker"), threads=2)
    after = Presence(python_threads=("MainThread", "worker", "worker", "loader"), threads=4)

    (finding,) = judge_threads(before, after)

    assert finding.values == {"count": 2, "names": "worker, loader"}


@pytest.mark.parametrize(("more", "count"), [(3, 0), (4, 1), (9, 6)])
def test_threads_that_are_not_pythons_are_those_beyond_torchs_pools(more: int, count: int) -> None:
    found = list(judge_threads(Presence(threads=5), Presence(threads=5 + more, pool_threads=3)))

    assert [finding.values for finding in found] == [{"count": count, "names": "not Python's"}] * bool(count)


def test_threads_that_ended_are_nobodys() -> None:
    assert list(judge_threads(Presence(python_threads=("a",), threads=9), Presence(threads=1))) == []


def test_where_the_system_does_not_tell_only_pythons_threads_are_known() -> None:
    (finding,) = judge_threads(Presence(), Presence(python_threads=("a",)))

    assert finding.values["count"] == 1


def test_hooks_are_counted_before_and_after_and_few_are_named() -> None:
    before = Presence(attached=("features.0", "features.0", "features.1"))
    after = Presence(attached=(*before.attached, "features.2", "features.3", "features.4"))

    (finding,) = judge_attached(before, after)

    assert text_of(finding) == (
        "6 hooks or replaced functions of torch (3 of them before the first call) run within the calls and are timed "
        "with them: features.0, features.1, features.2 and 2 more; take them off in the model's factory"
    )


def test_nothing_attached_is_nothing_found() -> None:
    assert list(judge_attached(Presence(), Presence())) == []


def test_every_text_is_whole_and_names_options_that_exist() -> None:
    given = [
        *judge_leak([10 * 2**20] * 6, (10,) * 6),
        *judge_drift(BUDGET, blocks(np.linspace(1.0, 2.0, 12))),
        *awake(cpu_s=0.1),
        *judge_work([], 1e-5),
        *judge_settings({"threads": "1"}, {"threads": "2"}),
        *judge_threads(Presence(), Presence(python_threads=("a",))),
        *judge_attached(Presence(), Presence(attached=("a",))),
    ]
    texts = [text_of(finding) for finding in given]

    assert len(texts) == 7
    assert not any(re.search(r"[{}]", text) for text in texts)
    named = {name for text in texts for name in re.findall(r"--zoobench-([a-z-]+)", text)}
    assert named <= {row.name for row in OPTIONS}
