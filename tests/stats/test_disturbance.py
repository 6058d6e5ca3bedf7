from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.stats.interference import (
    CONTINUED,
    DISTURBED,
    HOST_LEAD,
    LEADING_SHARE,
    PACE,
    RUN_DELAY,
    SLOW_PACE_RATIO,
    STEAL,
    THROTTLED,
    WAITED_SHARE,
    Cause,
    causes,
    disturbed,
)

BOUNDS = {
    CONTINUED: (Cause.PAUSED, 0.0),
    THROTTLED: (Cause.THROTTLED, 0.0),
    STEAL: (Cause.STEAL, WAITED_SHARE),
    RUN_DELAY: (Cause.WAITING, WAITED_SHARE),
    PACE: (Cause.SLOW, SLOW_PACE_RATIO),
    DISTURBED: (Cause.OTHER, 0.0),
}
"""Of each covariate of a round of one second: its cause, and the greatest value that is no sign. The gravest first."""

LITTLE = 2.0**-30


def test_every_cause_has_a_sign() -> None:
    assert {cause for cause, _ in BOUNDS.values()} == set(Cause)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_sign_is_more_than_its_bound(name: str) -> None:
    cause, bound = BOUNDS[name]

    assert causes([1.0, 1.0, 1.0], {name: [0.0, bound, bound + LITTLE]}) == (None, None, cause)


@pytest.mark.parametrize("name", [STEAL, RUN_DELAY])
def test_waiting_is_judged_by_what_the_round_took(name: str) -> None:
    waited = [WAITED_SHARE * 2] * 3

    assert causes([1.0, 2.0, 4.0], {name: waited}) == (BOUNDS[name][0], None, None)


@pytest.mark.parametrize("name", [PACE, CONTINUED, THROTTLED, DISTURBED])
def test_other_signs_are_not(name: str) -> None:
    value = BOUNDS[name][1] + LITTLE

    assert causes([1e-6, 1e6], {name: [value] * 2}) == (BOUNDS[name][0],) * 2


@pytest.mark.parametrize("first", range(len(BOUNDS)))
def test_the_gravest_sign_is_the_cause(first: int) -> None:
    names = list(BOUNDS)[first:]
    covariates = {name: [1e3] for name in reversed(names)}

    assert causes([1.0], covariates) == (BOUNDS[names[0]][0],)


@pytest.mark.parametrize("covariates", [{}, {"page_faults": (1e6, 1e6), "celsius": (99.0, 99.0)}])
def test_what_was_not_read_accuses_nobody(covariates: dict[str, tuple[float, ...]]) -> None:
    assert causes([1.0, 99.0], covariates) == (None, None)


def test_a_slow_host_far_ahead_of_its_device_disturbs_nothing_and_other_signs_still_do() -> None:
    leads = [0.0, LEADING_SHARE - LITTLE, LEADING_SHARE, 1.0]

    assert causes([1.0] * 4, {PACE: [2.0] * 4, HOST_LEAD: leads}) == (Cause.SLOW, Cause.SLOW, None, None)
    assert causes([1.0] * 4, {THROTTLED: [1.0] * 4, HOST_LEAD: leads}) == (Cause.THROTTLED,) * 4
    in_arrays = {PACE: np.full(4, 2.0), HOST_LEAD: np.array(leads)}
    assert disturbed(np.ones(4), in_arrays).tolist() == [True, True, False, False]


def test_without_samples_there_is_nothing_to_disturb() -> None:
    assert causes([], {PACE: []}) == ()


@given(st.lists(st.floats(0, 3), max_size=20), st.floats(1e-6, 1e6))
def test_a_long_time_is_no_sign(paces: list[float], seconds: float) -> None:
    """Nor a short one: rounds are chosen by what else happened, or else the median would be."""
    assert causes([seconds] * len(paces), {PACE: paces}) == causes([1.0] * len(paces), {PACE: paces})


@given(st.data(), st.sets(st.sampled_from([*BOUNDS, HOST_LEAD])), st.sets(st.sampled_from(list(Cause))))
def test_arrays_are_judged_like_tuples(data: st.DataObject, told: set[str], despite: set[Cause]) -> None:
    """Where a sample has several causes, one that is not looked past is enough."""
    samples = data.draw(st.lists(st.floats(0.5, 2.0), max_size=6))
    values = st.sampled_from([0.0, 0.02, 0.03, 0.5, 1.05, 2.0])
    covariates = {name: [data.draw(values) for _ in samples] for name in told}
    remaining = {
        name: column for name, column in covariates.items() if name == HOST_LEAD or BOUNDS[name][0] not in despite
    }

    found = disturbed(np.array(samples), {name: np.array(column) for name, column in covariates.items()}, despite)

    assert found.tolist() == [cause is not None for cause in causes(samples, remaining)]
