from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.cases import BadInputError
from zoobench.compare.bisection import MAX_EFFORT, Compare, Confidence, Culprit, bisect
from zoobench.records.comparison import REGRESSIONS, Verdict

ALWAYS = MAX_EFFORT + 1
"""An effort that is never made."""


def names(number: int) -> list[str]:
    return [f"c{index}" for index in range(number)]


def worse_from(
    culprit: int,
    *,
    symptom: Verdict = Verdict.SLOWER,
    verdicts: Mapping[int, Verdict] | None = None,
    efforts: Mapping[int, int] | None = None,
) -> Compare:
    """A history in which one commit brings the symptom.

    Some commits have a verdict of their own; the times of some are told only from an effort on.
    """

    def compare(base: str, head: str, effort: int) -> Verdict:
        before, after = int(base[1:]), int(head[1:])
        assert before < after
        own = (verdicts or {}).get(after)
        if own is not None:
            return own
        if effort < (efforts or {}).get(after, 1):
            return Verdict.UNDECIDED
        return symptom if before < culprit <= after else Verdict.SAME

    return compare


def most_trials(number: int, silent: int = 0) -> int:
    """BAD, the search, the answer and its parent."""
    return 1 + math.ceil(math.log2(number - 1)) + silent + 1


@pytest.mark.parametrize("number", range(2, 41))
def test_every_culprit_is_found_and_confirmed_in_the_logarithm_of_the_commits(number: int) -> None:
    for culprit in range(1, number):
        answer = bisect(names(number), worse_from(culprit))
        assert (answer.commits, answer.confidence) == ((f"c{culprit}",), Confidence.CONFIRMED)
        assert answer.reason == "slower against its parent"
        assert len(answer.trials) <= most_trials(number)


@pytest.mark.parametrize("number", [2, 3, 17])
def test_the_search_compares_with_good_and_the_answer_with_its_parent(number: int) -> None:
    for culprit in range(1, number):
        *search, last = bisect(names(number), worse_from(culprit)).trials
        assert {trial.base for trial in search} == {"c0"}
        assert (last.base, last.head) == (f"c{culprit - 1}", f"c{culprit}")


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, dict[int, Verdict], dict[int, int]]:
    """Number of commits, the culprit, verdicts of some commits between, and efforts that some need."""
    number = draw(st.integers(2, 40))
    culprit = draw(st.integers(1, number - 1))
    between = st.integers(1, max(1, number - 2))
    hiding = st.sampled_from([Verdict.BROKEN, Verdict.REMOVED, Verdict.OUTPUT_CHANGED, Verdict.NOT_COMPARABLE])
    verdicts = draw(st.dictionaries(between, hiding)) if number > 2 else {}
    efforts = draw(st.dictionaries(between, st.integers(1, ALWAYS))) if number > 2 else {}
    return number, culprit, verdicts, efforts


def silent_ones(number: int, verdicts: Mapping[int, Verdict], efforts: Mapping[int, int]) -> set[int]:
    never = {index for index, effort in efforts.items() if effort == ALWAYS and index not in verdicts}
    return ({*verdicts} | never) & set(range(1, number - 1))


@given(histories())
def test_broken_and_undecided_commits_are_passed_over(
    history: tuple[int, int, dict[int, Verdict], dict[int, int]],
) -> None:
    number, culprit, verdicts, efforts = history
    silent = silent_ones(number, verdicts, efforts)
    answer = bisect(names(number), worse_from(culprit, verdicts=verdicts, efforts=efforts))
    if culprit - 1 in silent or culprit in silent:
        assert_as_narrow_as_can_be(answer, number, culprit, silent)
    else:
        assert (answer.commits, answer.confidence) == ((f"c{culprit}",), Confidence.CONFIRMED)
    asked = {(trial.base, trial.head) for trial in answer.trials}
    assert len(asked) <= most_trials(number, len(silent))
    assert len(answer.trials) <= MAX_EFFORT * most_trials(number, len(silent))


def assert_as_narrow_as_can_be(answer: Culprit, number: int, culprit: int, silent: set[int]) -> None:
    """From after the last commit known to be good to the first known to be bad."""
    good = max(index for index in range(culprit) if index not in silent)
    bad = min(index for index in range(culprit, number) if index not in silent)
    assert answer.commits == tuple(names(number)[good + 1 : bad + 1])
    assert answer.confidence is Confidence.BETWEEN_SEVERAL
    assert answer.reason == (
        f"could not decide between {bad - good} commits: {bad - good - 1} of them gave no verdict against GOOD"
    )


def test_an_undecided_comparison_is_repeated_with_more_effort_and_no_further_than_needed() -> None:
    answer = bisect(names(3), worse_from(1, efforts={1: 2}))
    efforts = [(trial.base, trial.head, trial.effort) for trial in answer.trials]
    assert efforts == [("c0", "c2", 1), ("c0", "c1", 1), ("c0", "c1", 2), ("c0", "c1", 1), ("c0", "c1", 2)]
    assert answer.confidence is Confidence.CONFIRMED


@pytest.mark.parametrize("symptom", sorted(REGRESSIONS))
def test_whatever_fails_a_comparison_can_be_looked_for(symptom: Verdict) -> None:
    for culprit in range(1, 9):
        answer = bisect(names(9), worse_from(culprit, symptom=symptom))
        assert (answer.symptom, answer.commits) == (symptom, (f"c{culprit}",))
        assert answer.confidence is Confidence.CONFIRMED


def test_a_verdict_that_ranks_below_the_symptom_means_that_it_is_not_there() -> None:
    """Exact metrics rank above times: a case that is undecided in time has none that is worse."""
    verdicts = {1: Verdict.UNDECIDED, 2: Verdict.FASTER, 3: Verdict.BETTER}
    answer = bisect(names(6), worse_from(4, symptom=Verdict.WORSE, verdicts=verdicts))
    assert answer.commits == ("c4",)
    assert all(trial.effort == 1 for trial in answer.trials)


@pytest.mark.parametrize(
    ("verdict", "reason", "trials"),
    [
        (Verdict.SAME, "BAD is not worse than GOOD: it is same", 1),
        (Verdict.FASTER, "BAD is not worse than GOOD: it is faster", 1),
        (Verdict.UNDECIDED, "BAD could not be told to be worse than GOOD: it is undecided", MAX_EFFORT),
    ],
)
def test_nothing_is_looked_for_that_is_not_there(verdict: Verdict, reason: str, trials: int) -> None:
    answer = bisect(names(20), worse_from(7, verdicts={19: verdict}))
    assert (answer.commits, answer.confidence, answer.reason) == ((), Confidence.NOTHING_FOUND, reason)
    assert len(answer.trials) == trials


def test_many_small_steps_are_not_laid_at_the_door_of_one() -> None:
    """Each commit is 2 % slower, and 5 % count."""

    def compare(base: str, head: str, effort: int) -> Verdict:
        return Verdict.SLOWER if 1.02 ** (int(head[1:]) - int(base[1:])) > 1.05 else Verdict.SAME

    answer = bisect(names(10), compare)
    assert (answer.commits, answer.confidence) == (("c3",), Confidence.NOT_CONFIRMED)
    assert (
        answer.reason == "slower against GOOD, but same against its parent: perhaps several commits brought a part each"
    )


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.UNDECIDED, "perhaps slower against its parent: that comparison stayed undecided"),
        (Verdict.OUTPUT_CHANGED, "against its parent it is output-changed, which hides whether it is slower"),
    ],
)
def test_an_answer_that_its_parent_does_not_confirm_says_so(verdict: Verdict, reason: str) -> None:
    plain = worse_from(3)

    def compare(base: str, head: str, effort: int) -> Verdict:
        return verdict if (base, head) == ("c2", "c3") else plain(base, head, effort)

    answer = bisect(names(6), compare)
    assert (answer.commits, answer.confidence, answer.reason) == (("c3",), Confidence.NOT_CONFIRMED, reason)


@pytest.mark.parametrize("number", [0, 1])
def test_one_commit_cannot_be_bisected(number: int) -> None:
    with pytest.raises(BadInputError, match=r"^a bisection needs two commits, GOOD and BAD$"):
        bisect(names(number), worse_from(0))
