from __future__ import annotations

import msgspec
from synthetic import every_verdict, make_comparison

from zoobench.records.comparison import Exit, Verdict
from zoobench.stats.verdicts.decide import differing_verdicts


def test_the_same_has_no_differences() -> None:
    assert differing_verdicts(make_comparison(), make_comparison()) == ()


def test_every_difference_is_told() -> None:
    first, *others = every_verdict()
    changed = msgspec.structs.replace(first, verdict=Verdict.SLOWER)
    control = msgspec.structs.replace(make_comparison().controls[0], verdict=Verdict.SLOWER)
    again = make_comparison([changed, *others[:-1]], controls=(control,), exit=Exit.NO_VERDICT)
    assert differing_verdicts(make_comparison(), again) == (
        f"{first.id}: stored same, now slower",
        f"{others[-1].id}: stored same, now nothing",
        "control:convolutions: stored same, now slower",
        "control:normalisations: stored same, now nothing",
        "exit code: stored 1, now 3",
    )
