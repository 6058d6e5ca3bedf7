from __future__ import annotations

import math

import msgspec
import pytest
from contested import make_contest, make_control, make_evidence, make_experiment, make_replicate, replicates_of
from synthetic import make_case

from zoobench.records.comparison import Evidence, Stage
from zoobench.stats.verdicts.plan import screened_spread, suspects

SLOW, SAME, FAST = (make_case(name).id for name in ("resnet18", "vgg16", "alexnet"))


def test_what_lies_beyond_the_margin_on_either_side_is_suspected() -> None:
    assert suspects(make_evidence({"resnet18": 1.06, "vgg16": 1.04, "alexnet": 0.94})) == (SLOW, FAST)


def test_the_margin_is_as_far_to_both_sides() -> None:
    assert suspects(make_evidence({"resnet18": 1.0501, "vgg16": 1 / 1.0499, "alexnet": 1 / 1.0501})) == (SLOW, FAST)


def test_the_confirmation_suspects_nobody_and_acquits_nobody() -> None:
    screened = make_evidence({"resnet18": 1.2, "vgg16": 1.0})
    otherwise = [
        *(replicate for replicate in screened.replicates if replicate.stage is Stage.SCREEN),
        *replicates_of(SLOW, [0.0] * 9, Stage.CONFIRM),
        *replicates_of(SAME, [0.5] * 9, Stage.CONFIRM),
    ]
    assert suspects(msgspec.structs.replace(screened, replicates=tuple(otherwise))) == (SLOW,)


def test_a_control_is_never_suspected_nor_a_case_without_replicates() -> None:
    control, unmeasured = make_control(), make_contest(make_case("vgg16"))
    evidence = Evidence(
        setup=make_experiment(),
        case_pairs=(control, unmeasured),
        replicates=tuple(replicates_of(control.id, [1.0] * 8)),
    )
    assert suspects(evidence) == ()


def test_few_replicates_are_enough_for_suspicion() -> None:
    case_pair = make_contest()
    evidence = Evidence(
        setup=make_experiment(), case_pairs=(case_pair,), replicates=(make_replicate(case_pair.id, math.log(1.2)),)
    )
    assert suspects(evidence) == (case_pair.id,)


def test_the_spread_is_that_of_the_screening() -> None:
    evidence = make_evidence({"resnet18": 1.0, "vgg16": 1.0}, half_width=0.02)
    widened = (*evidence.replicates, *replicates_of(SAME, [-1.0, 1.0], Stage.CONFIRM))
    assert screened_spread(msgspec.structs.replace(evidence, replicates=widened)) == pytest.approx(0.013, abs=0.001)
    assert screened_spread(msgspec.structs.replace(evidence, replicates=())) is None
