"""Peak memory of a call as shapes alone predict it, with what it is for, to hold against what is measured."""

from __future__ import annotations

from collections.abc import Iterable

from zoobench.cases import Budget, Compiler
from zoobench.counting import UncountableError
from zoobench.counting.memory import NOTHING, Backend, Peak, cpu_onednn
from zoobench.devices import PeakMemory
from zoobench.measure.worker.prediction import predict_peak
from zoobench.measure.worker.probes.probe import Probe, ProbeState, count_time
from zoobench.measure.worker.workload import Workload
from zoobench.records import Breakdown, Measurement, MetricResult, Unavailable

_METRICS = ("predicted_peak", "predicted_workspace")


def predict_memory(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult | Breakdown]:  # noqa: ARG001
    """The case's own call on tensors without data; in eager mode, whose operators are known beforehand."""
    if workload.case.compiler is not Compiler.EAGER:
        yield from _unavailable("a compiled call allocates what its compiler decides: only eager ones are predicted")
        return
    backend = backend_of(workload)
    try:
        peak = predict_peak(
            workload.module,
            workload.images,
            mode=workload.case.mode,
            precision=workload.case.precision,
            device=workload.device.torch_device,
            backend=backend,
        )
    except UncountableError as error:
        yield from _unavailable(str(error))
        return
    yield from _results(peak, is_workspace_known=backend is not NOTHING)


PREDICTION_PROBE = Probe(name="prediction", metrics=_METRICS, measure=predict_memory, makes_calls=False)


def backend_of(workload: Workload) -> Backend:
    """What is known of the workspace of the workload's kernels."""
    if workload.device.torch_device.type == "cpu":
        return cpu_onednn(threads=workload.case.threads)
    return NOTHING


def _results(peak: Peak, *, is_workspace_known: bool) -> Iterable[MetricResult | Breakdown]:
    method = _method(peak)
    yield Measurement(metric="predicted_peak", samples=(float(peak.total_bytes),), method=method)
    if is_workspace_known:
        yield Measurement(metric="predicted_workspace", samples=(float(peak.workspace_bytes),), method=method)
    else:
        reason = "what this device's kernels allocate for themselves is not known beforehand"
        yield Unavailable(metric="predicted_workspace", reason=reason)
    values = {category.value: float(amount) for category, amount in peak.bytes_by_category.items()}
    yield Breakdown(metric="predicted_peak", by="category", values=values, method=method)


def _method(peak: Peak) -> str:
    """Where the peak stands, and by which table of workspace."""
    where = f"{peak.operator} of {peak.path}" if peak.path else peak.operator or "no operator"
    return f"storages of a call on fake tensors; peak in {where}; workspace: {peak.backend}"


def _unavailable(reason: str) -> Iterable[Unavailable]:
    return (Unavailable(metric=metric, reason=reason) for metric in _METRICS)


# Peak memory of one call: what the allocator handed out, the weights included and above them.


_ALLOCATED = ("peak_allocated", "peak_above_weights")


def measure_memory(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult]:
    """One more call, watched. It is not made where calls are longer than the whole budget."""
    if progress.call_s > budget.max_s:
        reason = f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
        yield from (Unavailable(metric=metric, reason=reason) for metric in _ALLOCATED)
    else:
        yield from _peak(workload, progress)
    yield from workload.device.measure_other_memory()


MEMORY_PROBE = Probe(
    name="memory",
    metrics=(*_ALLOCATED, "peak_reserved", "process_memory"),
    measure=measure_memory,
)


def _peak(workload: Workload, progress: ProbeState) -> Iterable[MetricResult]:
    held_bytes = workload.held_bytes()
    peak = workload.device.measure_peak_memory(count_time(workload, progress))
    total_bytes = held_bytes + peak.growth_bytes
    yield _measurement("peak_allocated", total_bytes, peak)
    yield _measurement("peak_above_weights", total_bytes - workload.weights_bytes(), peak)


def _measurement(metric: str, size_bytes: int, peak: PeakMemory) -> Measurement:
    return Measurement(metric=metric, samples=(float(size_bytes),), method=peak.method)
