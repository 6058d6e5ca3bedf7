from __future__ import annotations

import functools
import gc
import itertools
import re
import weakref
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice, FakeClock
from synthetic import make_case
from torch import nn

from zoobench.cases import Budget, Compiler, Mode
from zoobench.devices import REFERENCE, CpuDevice, Device
from zoobench.devices.speed_probe import MatrixProduct
from zoobench.measure.worker import rounds
from zoobench.measure.worker.layout import ShuffledLayout
from zoobench.measure.worker.probes import latency
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.rounds import CallPhase, Counters
from zoobench.measure.worker.timing_loop import sample
from zoobench.measure.worker.workload import Workload
from zoobench.records import Finding, Measurement, Unavailable

CASE = make_case("lenet5", mode=Mode.TRAIN, device="fake", threads=1)
BUDGET = Budget(min_rounds=6, max_rounds=6, max_warmup_s=0.0, max_s=100.0)


COUNTED = {
    "page_faults": 0.0,
    "involuntary_switches": 0.0,
    "cpu_s": 0.0,
    "run_delay_s": 0.0,
    "steal_s": None,
    "continued": 0.0,
}
"""By this process meanwhile: nothing, for what happens on a busy machine is not on the fake clock."""


class Phased:
    """A call of phases that are given as functions."""

    def __init__(self, *runs: Callable[[], object]) -> None:
        metrics = ("forward_latency", "backward_latency", "optimizer_latency")
        self.phases = tuple(CallPhase(metric, run) for metric, run in zip(metrics, runs, strict=False))
        self.weights = torch.arange(8.0)

    def rest(self) -> None:
        pass

    def held_tensors(self) -> list[torch.Tensor]:
        return [self.weights]


Parts = dict[str, Measurement | Unavailable]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(latency, "sample", functools.partial(sample, clock=clock))
    monkeypatch.setattr(rounds, "read_counters", lambda: Counters(**COUNTED))
    return clock


@pytest.fixture
def device(clock: FakeClock) -> FakeAsyncDevice:
    return FakeAsyncDevice(clock)


def subject_of(device: Device, call: Phased, **axes: object) -> Workload:
    case = msgspec.structs.replace(CASE, **axes)
    return Workload(case=case, device=device, module=nn.Module(), images=None, model_call=call, build_s=0.75)  # type: ignore[arg-type]


def measure(
    workload: Workload, progress: ProbeState | None = None, budget: Budget = BUDGET
) -> tuple[Parts, list[Finding]]:
    parts = list(latency.measure_latency(workload, budget, progress or ProbeState()))
    results = {part.metric: part for part in parts if not isinstance(part, Finding)}
    return results, [part for part in parts if isinstance(part, Finding)]


def test_device_time_and_host_time_are_two_metrics(device: FakeAsyncDevice, clock: FakeClock) -> None:
    """The host needs a second more than the device to notice the end."""

    class SlowToNotice(FakeAsyncDevice):
        def wait(self) -> None:
            super().wait()
            self.clock.advance(1.0)

    slow = SlowToNotice(clock)

    results, _ = measure(subject_of(slow, Phased(lambda: slow.launch(0.25))))

    assert results["latency"].samples == (0.25,) * 6
    assert results["host_latency"].samples == (1.25,) * 6
    assert results["latency"].method.startswith("device events, wait-call-wait, 1 warm-up calls, 6 blocks, layout ")
    assert results["latency"].method.endswith(", stopped by max-rounds")


class Losing(FakeAsyncDevice):
    """A device that stops telling its temperature after three rounds."""

    told = 0

    def conditions(self) -> dict[str, float]:
        self.told += 1
        return {"sm_clock_hz": 1e9} | ({"temperature_c": 60.0} if self.told <= 3 else {})

    def why_no_conditions(self) -> str:
        return "temperature_c: NVML: Unknown Error" if self.told > 3 else ""


def test_a_condition_that_went_missing_is_dropped_as_a_whole_and_found(clock: FakeClock) -> None:
    losing = Losing(clock)

    results, findings = measure(subject_of(losing, Phased(lambda: losing.launch(0.25))))

    assert results["latency"].covariates["sm_clock_hz"] == (1e9,) * 6
    assert "temperature_c" not in results["latency"].covariates
    missing = [finding for finding in findings if finding.code == "no-conditions"]
    assert [finding.values["reason"] for finding in missing] == ["temperature_c: NVML: Unknown Error"]


def test_a_device_that_told_all_gives_no_such_finding(device: FakeAsyncDevice) -> None:
    _, findings = measure(subject_of(device, Phased(lambda: device.launch(0.25))))

    assert "no-conditions" not in [finding.code for finding in findings]


def test_phases_of_a_training_step_sum_to_its_latency(device: FakeAsyncDevice) -> None:
    call = Phased(lambda: device.launch(0.25), lambda: device.launch(0.5), lambda: device.launch(0.125))

    results, _ = measure(subject_of(device, call))

    phases = [results[f"{name}_latency"].samples for name in ("forward", "backward", "optimizer")]
    assert phases == [(0.25,) * 6, (0.5,) * 6, (0.125,) * 6]
    assert results["latency"].samples == (0.875,) * 6


def test_inference_has_no_phases_beside_its_latency(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25)), mode=Mode.INFER))

    assert set(results) == {
        "latency",
        "first_call",
        "warm_up_calls",
        "warm_up_time",
        "build_time",
        "host_latency",
        "reference_time",
    }


def test_the_first_call_and_the_building_are_metrics_of_their_own(device: FakeAsyncDevice) -> None:
    durations_s = iter([4.0, *[0.25] * 12])

    results, _ = measure(subject_of(device, Phased(lambda: device.launch(next(durations_s))), mode=Mode.INFER))

    assert results["first_call"].samples == (4.0,)
    assert results["warm_up_calls"].samples == (1.0,)
    assert results["warm_up_time"].samples == (4.0,)
    assert results["build_time"].samples == (0.75,)
    assert results["latency"].samples == (0.25,) * 6


def test_covariates_have_one_value_a_round(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25))))

    covariates = results["latency"].covariates
    counted = {"page_faults", "involuntary_switches", "cpu_s", "run_delay_s", "continued"}
    assert set(covariates) == counted | {"host_lead"}
    assert {len(values) for values in covariates.values()} == {6}


def test_rounds_stand_in_blocks_and_the_method_tells_how(device: FakeAsyncDevice) -> None:
    call = Phased(lambda: device.launch(2.0**-6))
    budget = msgspec.structs.replace(BUDGET, max_rounds=26)

    results, _ = measure(subject_of(device, call), budget=budget)

    assert results["latency"].block_sizes == (3,) * 8 + (2,)
    assert results["host_latency"].block_sizes == results["latency"].block_sizes
    assert re.search(r"9 blocks, layout shuffled between blocks by seed \d+, stopped", results["latency"].method)
    assert call.weights.tolist() == list(range(8))


def test_every_process_shuffles_by_a_seed_of_its_own(device: FakeAsyncDevice) -> None:
    methods = {measure(subject_of(device, Phased(lambda: device.launch(0.25))))[0]["latency"].method for _ in range(3)}

    assert len(methods) == 3


def test_with_the_last_result_the_layout_and_its_padding_are_gone(
    device: FakeAsyncDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probes to come measure memory."""
    made: list[weakref.ref[ShuffledLayout]] = []

    def make(*arguments: Any, **named: Any) -> ShuffledLayout:
        layout = ShuffledLayout(*arguments, **named)
        made.append(weakref.ref(layout))
        return layout

    monkeypatch.setattr(latency, "ShuffledLayout", make)
    measure(subject_of(device, Phased(lambda: device.launch(0.25))))
    gc.collect()

    assert [layout() for layout in made] == [None]


def test_a_layout_without_room_is_said(clock: FakeClock) -> None:
    full = FakeAsyncDevice(clock, capacity_bytes=2**10)

    results, _ = measure(subject_of(full, Phased(lambda: full.launch(0.25))))

    assert "layout not shuffled" in results["latency"].method


class Paced(FakeAsyncDevice):
    """Slow before every second round."""

    readings = 0

    def conditions(self) -> dict[str, float]:
        self.readings += 1
        return {REFERENCE: 1.0 if self.readings % 4 in (1, 2) else 1.25}


def test_disturbed_rounds_are_marked_in_every_time_of_theirs(clock: FakeClock) -> None:
    """Blocks of one round have two readings each; the warm-up call took one before."""
    device = Paced(clock)
    call = Phased(lambda: device.launch(0.0, launch_s=0.25), lambda: device.launch(0.0, launch_s=0.5), lambda: None)

    results, findings = measure(subject_of(device, call), budget=msgspec.structs.replace(BUDGET, max_rounds=8))

    disturbed = tuple(float(pace > 1.05) for pace in results["latency"].covariates["pace"])
    assert sum(disturbed) > 0
    for metric in ("host_latency", "forward_latency", "backward_latency", "optimizer_latency"):
        assert results[metric].covariates == {"disturbed": disturbed}
    assert [finding.code for finding in findings] == ["shared"]
    assert results["reference_time"].samples == (1.0,)


def test_rounds_that_nothing_disturbed_bear_no_marks(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25))))

    assert results["host_latency"].covariates == {}


def test_what_is_known_of_the_pace_is_used(clock: FakeClock) -> None:
    device = Paced(clock)

    results, _ = measure(
        subject_of(device, Phased(lambda: device.launch(0.25))), ProbeState(known_reference_s=0.5)
    )  # fmt: skip

    assert results["reference_time"].samples == (1.0,), "its own: what was known is a record of its own"
    assert set(results["latency"].covariates["pace"]) <= {2.0, 2.5}


@pytest.mark.parametrize(("known_s", "quietest_s"), [(None, 1.0), (0.5, 0.5), (2.0, 1.0)])
def test_probes_to_come_know_how_quiet_the_machine_was(
    clock: FakeClock, known_s: float | None, quietest_s: float
) -> None:
    device = Paced(clock)
    progress = ProbeState(known_reference_s=known_s)

    measure(subject_of(device, Phased(lambda: device.launch(0.25))), progress)

    assert progress.known_reference_s == quietest_s


def test_a_device_without_a_fixed_computation_has_no_reference_time(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25))))

    assert isinstance(results["reference_time"], Unavailable)


def test_compiling_is_what_the_first_call_took_longer(device: FakeAsyncDevice) -> None:
    durations_s = iter([4.0, *[0.25] * 12])
    call = Phased(lambda: device.launch(next(durations_s)))

    results, _ = measure(subject_of(device, call, mode=Mode.INFER, compiler=Compiler.INDUCTOR))

    assert results["compile_time"].samples == (3.75,)


def test_on_a_cpu_the_hosts_clock_is_the_latency(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MatrixProduct, "__call__", lambda _: clock.advance(2.0**-10))
    workload = subject_of(CpuDevice(clock), Phased(lambda: clock.advance(0.25)), mode=Mode.INFER)

    results, _ = measure(workload)

    assert results["reference_time"].samples == (round(2.0**-10, 9),)
    assert results["latency"].covariates["pace"] == (1.0,) * 6

    assert results["latency"].samples == (0.25,) * 6
    assert results["latency"].method.startswith("host clock, wait-call-wait")
    assert isinstance(results["host_latency"], Unavailable)


def test_what_a_call_takes_is_left_for_the_probes_to_come(device: FakeAsyncDevice) -> None:
    progress = ProbeState(in_calls_s=1.0)

    measure(subject_of(device, Phased(lambda: device.launch(0.25))), progress)

    assert progress.in_calls_s == 1.0 + 13 * 0.25, "one warm-up call, and six rounds with a settling call each"
    assert progress.call_s == 0.25


def test_samples_are_kept_to_the_nanosecond(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(1 / 3)), mode=Mode.INFER))

    assert results["latency"].samples[0] == 0.333333333


def test_what_is_doubtful_is_found(device: FakeAsyncDevice) -> None:
    budget = Budget(min_rounds=6, max_s=1.0)

    _, findings = measure(subject_of(device, Phased(lambda: device.launch(10.0))), budget=budget)

    assert [finding.code for finding in findings] == ["too-few-rounds"]


def test_warm_up_that_did_not_end_is_found(device: FakeAsyncDevice) -> None:
    durations_s = itertools.count(4.0, -(2.0**-8))
    budget = Budget(min_rounds=6, max_warmup_s=64.0, max_s=128.0)

    _, findings = measure(subject_of(device, Phased(lambda: device.launch(next(durations_s)))), budget=budget)

    assert [finding.code for finding in findings] == ["unstable-warm-up"]


def test_metrics_are_those_that_the_probe_names(device: FakeAsyncDevice) -> None:
    """The runner leaves a probe out where all of its metrics are known."""
    call = Phased(lambda: device.launch(0.25), lambda: None, lambda: None)

    results, _ = measure(subject_of(device, call))

    assert set(results) == set(latency.PROBE.metrics) - {"compile_time"}, "nothing is compiled"
