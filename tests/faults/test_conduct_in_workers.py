"""Models that misbehave, measured in workers from end to end: each is found out, and the next case is as ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faulty_models import KEPT_BYTES, SIDE
from synthetic import make_case

from zoobench.cases import Budget, Mode, ModelRef
from zoobench.measure.executor import ForkedWorkers
from zoobench.measure.session import Machine, Recorder, Session, open_machine
from zoobench.records import CaseRecord, Finding, Measurement, Severity
from zoobench.stats.findings import text_of

BUDGET = Budget(precision_target=0.02, min_rounds=60, max_rounds=400, min_s=0.0, max_s=3.0, max_warmup_s=0.05)
"""Few rounds of calls below a millisecond: 0.2 s on a quiet machine, and patience for a busy one."""

OF_THE_MACHINE = {"noisy", "too-few-rounds", "unstable-warm-up", "shared", "throttled", "disturbed", "paging"}

Measure = Callable[..., CaseRecord]


@pytest.fixture(scope="module")
def machine() -> Machine:
    return open_machine(ForkedWorkers(), device="cpu")


@pytest.fixture
def measure(machine: Machine) -> Measure:
    session = Session(machine, Recorder())

    def measure(name: str, budget: Budget = BUDGET, **axes: object) -> CaseRecord:
        model = ModelRef("import", f"faulty_models:{name}")
        return session.measure(make_case(model=model, image_size=SIDE, threads=1, **axes), budget)

    return measure


def conduct_of(record: CaseRecord) -> dict[str, Finding]:
    """Findings by code, without those that a busy machine gives to anybody."""
    assert record.failure is None, record.failure
    return {finding.code: finding for finding in record.findings if finding.code not in OF_THE_MACHINE}


def latency_of(record: CaseRecord) -> Measurement:
    latency = record.measurement("latency")
    assert latency is not None
    return latency


def only(record: CaseRecord, code: str) -> Finding:
    found = conduct_of(record)
    assert set(found) - {"drifts"} == {code} - {"drifts"}, "a busy machine's time may drift as well"
    assert found[code].severity is Severity.WARNING
    return found[code]


@pytest.fixture
def is_followed_by_a_normal_case(measure: Measure) -> Callable[[], bool]:
    def measured() -> bool:
        record = measure("Net")
        return not set(conduct_of(record)) - {"drifts"} and len(latency_of(record).samples) >= BUDGET.min_rounds

    return measured


Normal = Callable[[], bool]


@pytest.mark.parametrize("mode", Mode)
def test_a_model_that_leaks(measure: Measure, is_followed_by_a_normal_case: Normal, mode: Mode) -> None:
    finding = only(measure("Leaking", mode=mode), "leaks")

    kept_bytes = finding.values["kept_bytes"]
    assert isinstance(kept_bytes, float)
    assert KEPT_BYTES <= kept_bytes < 1.1 * KEPT_BYTES
    assert text_of(finding).startswith("every call keeps 6")
    assert is_followed_by_a_normal_case()


@pytest.mark.parametrize("mode", Mode)
def test_small_objects_of_python_are_no_leak(measure: Measure, mode: Mode) -> None:
    assert not set(conduct_of(measure("Hoarding", mode=mode))) - {"drifts"}


def test_a_model_whose_time_drifts(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    """Eight blocks tell of a trend only if every one is slower than the one before: a busy machine may hide it once."""
    records = (measure("Slowing") for _ in range(4))
    finding = only(next(record for record in records if "drifts" in conduct_of(record)), "drifts")

    change_ratio = finding.values["change_ratio"]
    assert isinstance(change_ratio, float)
    assert change_ratio > 0.2
    assert is_followed_by_a_normal_case()


@pytest.mark.parametrize("name", ["Idle", "Remembering"])
def test_a_model_that_returns_without_work(measure: Measure, is_followed_by_a_normal_case: Normal, name: str) -> None:
    assert "runs no operator that computes" in text_of(only(measure(name), "no-work"))
    assert is_followed_by_a_normal_case()


def test_little_work_is_work(measure: Measure) -> None:
    assert not set(conduct_of(measure("Doubling"))) - {"drifts"}


def test_a_model_that_sleeps(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    share_ratio = only(measure("Sleeping"), "idle").values["share_ratio"]

    assert isinstance(share_ratio, float)
    assert 0.5 < share_ratio < 1
    assert is_followed_by_a_normal_case()


def test_a_model_that_leaves_threads(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    finding = only(measure("Spawning"), "threads")

    assert finding.values == {"count": 10, "names": "forgotten"}
    assert is_followed_by_a_normal_case()


def test_a_model_that_changes_settings(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    record = measure("Resetting")

    changes = str(only(record, "settings-changed").values["changes"])
    assert sorted(changes.split(", ")) == [
        "deterministic 0 → 2",
        "float32_matmul_precision highest → medium",
        "flushes_denormals True → False",
        "threads 1 → 3",
    ]
    assert record.settings["threads"] == "1"
    assert is_followed_by_a_normal_case()


def test_a_model_that_changes_settings_while_it_is_built(measure: Measure) -> None:
    record = measure("double_precision")

    changes = only(record, "settings-changed").values["changes"]
    assert changes == "default_dtype torch.float32 → torch.float64"


def test_a_model_that_comes_with_hooks(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    finding = only(measure("hooked"), "hooks")

    assert finding.values == {"count": 2, "before": 2, "where": "features, classifier"}
    assert is_followed_by_a_normal_case()


def test_a_model_that_leaves_hooks(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    finding = only(measure("Hooking"), "hooks")

    assert (finding.values["before"], finding.values["where"]) == (0, "features")
    assert isinstance(finding.values["count"], int)
    assert finding.values["count"] >= BUDGET.min_rounds / 10
    assert is_followed_by_a_normal_case()


def test_a_model_that_replaces_functions_of_torch(measure: Measure, is_followed_by_a_normal_case: Normal) -> None:
    budget = Budget(min_rounds=6, max_rounds=20, min_s=0.0, max_s=3.0, max_warmup_s=0.0)

    finding = only(measure("Patching", budget), "hooks")

    assert finding.values == {"count": 1, "before": 0, "where": "torch.nn.functional.linear"}
    assert is_followed_by_a_normal_case()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2"])
def test_nets_of_the_zoo_are_accused_of_nothing(machine: Machine, name: str, mode: Mode) -> None:
    budget = Budget(min_rounds=6, max_rounds=24, min_s=0.0, max_s=10.0, max_warmup_s=0.5)
    case = make_case(name, mode=mode, threads=1, image_size=64, batch=2)

    found = conduct_of(Session(machine, Recorder()).measure(case, budget))

    assert not set(found) - {"drifts"}
