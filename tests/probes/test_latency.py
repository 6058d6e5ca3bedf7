from __future__ import annotations

import functools
from collections.abc import Callable

import msgspec
import pytest
from fakes import FakeAsyncDevice, FakeClock
from synthetic import make_case
from torch import nn

from zoobench.cases import Budget, Mode
from zoobench.devices import CpuDevice, Device
from zoobench.probes import latency
from zoobench.probes.probe import Progress
from zoobench.records import Finding, Measurement, Unavailable
from zoobench.subject import Subject
from zoobench.timing.loop import sample
from zoobench.timing.rounds import Phase

CASE = make_case("lenet5", mode=Mode.TRAIN, device="fake", threads=1)
BUDGET = Budget(min_rounds=6, max_rounds=6, max_warmup_s=0.0, max_s=100.0)


class Phased:
    """A call of phases that are given as functions."""

    def __init__(self, *runs: Callable[[], object]) -> None:
        metrics = ("forward_latency", "backward_latency", "optimizer_latency")
        self.phases = tuple(Phase(metric, run) for metric, run in zip(metrics, runs, strict=False))


Parts = dict[str, Measurement | Unavailable]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(latency, "sample", functools.partial(sample, clock=clock))
    return clock


@pytest.fixture
def device(clock: FakeClock) -> FakeAsyncDevice:
    return FakeAsyncDevice(clock)


def subject_of(device: Device, call: Phased, **axes: object) -> Subject:
    case = msgspec.structs.replace(CASE, **axes)
    return Subject(case=case, device=device, module=nn.Module(), images=None, model_call=call, build_s=0.75)  # type: ignore[arg-type]


def measure(subject: Subject, progress: Progress | None = None, budget: Budget = BUDGET) -> tuple[Parts, list[Finding]]:
    parts = list(latency.measure_latency(subject, budget, progress or Progress()))
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
    assert results["latency"].method.startswith("device events, wait-call-wait, 1 warm-up calls, stopped by max-rounds")


def test_phases_of_a_training_step_sum_to_its_latency(device: FakeAsyncDevice) -> None:
    call = Phased(lambda: device.launch(0.25), lambda: device.launch(0.5), lambda: device.launch(0.125))

    results, _ = measure(subject_of(device, call))

    phases = [results[f"{name}_latency"].samples for name in ("forward", "backward", "optimizer")]
    assert phases == [(0.25,) * 6, (0.5,) * 6, (0.125,) * 6]
    assert results["latency"].samples == (0.875,) * 6


def test_inference_has_no_phases_beside_its_latency(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25)), mode=Mode.INFER))

    assert set(results) == {"latency", "first_call", "build_time", "host_latency"}


def test_the_first_call_and_the_building_are_metrics_of_their_own(device: FakeAsyncDevice) -> None:
    durations_s = iter([4.0, *[0.25] * 6])

    results, _ = measure(subject_of(device, Phased(lambda: device.launch(next(durations_s))), mode=Mode.INFER))

    assert results["first_call"].samples == (4.0,)
    assert results["build_time"].samples == (0.75,)
    assert results["latency"].samples == (0.25,) * 6


def test_covariates_have_one_value_a_round(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(0.25))))

    covariates = results["latency"].covariates
    assert set(covariates) == {"page_faults", "involuntary_switches", "cpu_s"}
    assert {len(values) for values in covariates.values()} == {6}


def test_on_a_cpu_the_hosts_clock_is_the_latency(clock: FakeClock) -> None:
    subject = subject_of(CpuDevice(clock), Phased(lambda: clock.advance(0.25)), mode=Mode.INFER)

    results, _ = measure(subject)

    assert results["latency"].samples == (0.25,) * 6
    assert results["latency"].method.startswith("host clock, wait-call-wait")
    assert isinstance(results["host_latency"], Unavailable)


def test_what_a_call_takes_is_left_for_the_probes_to_come(device: FakeAsyncDevice) -> None:
    progress = Progress(in_calls_s=1.0)

    measure(subject_of(device, Phased(lambda: device.launch(0.25))), progress)

    assert progress.in_calls_s == 1.0 + 7 * 0.25, "one warm-up call and six rounds"
    assert progress.call_s == 0.25


def test_samples_are_kept_to_the_nanosecond(device: FakeAsyncDevice) -> None:
    results, _ = measure(subject_of(device, Phased(lambda: device.launch(1 / 3)), mode=Mode.INFER))

    assert results["latency"].samples[0] == 0.333333333


def test_what_is_doubtful_is_found(device: FakeAsyncDevice) -> None:
    budget = Budget(min_rounds=6, max_s=1.0)

    _, findings = measure(subject_of(device, Phased(lambda: device.launch(10.0))), budget=budget)

    assert [finding.code for finding in findings] == ["few-rounds"]


def test_metrics_are_those_that_the_probe_names(device: FakeAsyncDevice) -> None:
    """The runner leaves a probe out where all of its metrics are known."""
    call = Phased(lambda: device.launch(0.25), lambda: None, lambda: None)

    results, _ = measure(subject_of(device, call))

    assert set(results) == set(latency.PROBE.metrics)
