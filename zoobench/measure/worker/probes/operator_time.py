"""Where the time of a call goes: by kind of layer, by operator and by module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from torch import nn
from torch.profiler import ProfilerActivity, supported_activities

from zoobench.cases import Budget, Case, Compiler, Mode
from zoobench.counting.work import kind_of_profiled
from zoobench.devices import Call, Device, ProfiledOperator, get_device, module_scopes
from zoobench.devices.profiler import profiling
from zoobench.measure.messages import Emit
from zoobench.measure.worker.probes.probe import Probe, ProbeState, count_time
from zoobench.measure.worker.workload import Workload, build_workload
from zoobench.records import Breakdown, Finding, LayerKind, Measurement, MetricResult, Unavailable
from zoobench.stats.side_effects import judge_work

OPERATOR_TIME = "operator_time"
PROFILER_OVERHEAD = "profiler_overhead"

_CALLS = 5
_LONG_CALL_S = 1.0
"""A call of this length is profiled once."""

_RESOLUTION_DECIMALS = 9
"""Nanoseconds: what takes less than half of one is left out."""


def measure_operator_time(
    workload: Workload, budget: Budget, progress: ProbeState
) -> Iterable[MetricResult | Breakdown | Finding]:
    """A few more calls, under the torch profiler. None where calls are longer than the whole budget."""
    reason = _why_not(workload, budget, progress)
    if reason:
        yield Unavailable(metric=OPERATOR_TIME, reason=reason)
        yield Unavailable(metric=PROFILER_OVERHEAD, reason=reason)
        return
    calls = 1 if progress.call_s > _LONG_CALL_S else _CALLS
    profiled_s: list[float] = []
    with module_scopes(workload.module):
        operators = workload.device.profile_operators(
            _repeated(count_time(workload, progress), progress, profiled_s, calls)
        )
    yield from judge_work((operator.name for operator in operators), progress.call_s)
    shown, of_calls = quickest_call(operators, profiled_s)
    which = f"the quickest of {calls} calls" if of_calls == 1 else f"mean of {calls} calls"
    method = f"torch profiler, {which}; a profiled call took {min(profiled_s):.3g} s and more"
    yield from _times(workload.case.mode, shown, of_calls, method)
    yield _overhead(profiled_s, progress.call_s)


PROBE = Probe(name=OPERATOR_TIME, metrics=(OPERATOR_TIME, PROFILER_OVERHEAD), measure=measure_operator_time)


def quickest_call(
    operators: Sequence[ProfiledOperator], took_s: Sequence[float]
) -> tuple[Sequence[ProfiledOperator], int]:
    """The operators of the call that took least, which was disturbed least, and that they are of one call.

    Where the calls did not all make the same operators they cannot be separated: then all operators of all calls.
    """
    size, rest = divmod(len(operators), len(took_s))
    of_calls = [operators[start : start + size] for start in range(0, size * len(took_s), size or 1)]
    names = {tuple(operator.name for operator in of_call) for of_call in of_calls}
    if rest or len(names) != 1:
        return operators, len(took_s)
    return of_calls[took_s.index(min(took_s))], 1


def time_by(
    key: Callable[[ProfiledOperator], str], operators: Iterable[ProfiledOperator], calls: int
) -> dict[str, float]:
    """Seconds a call of the operators of each key, the most first, in whole nanoseconds; what has none is left out."""
    times: defaultdict[str, float] = defaultdict(float)
    for operator in operators:
        times[key(operator)] += operator.time_s / calls
    rounded = {name: round(time_s, _RESOLUTION_DECIMALS) for name, time_s in times.items()}
    return {name: time_s for name, time_s in sorted(rounded.items(), key=lambda item: -item[1]) if time_s > 0}


def kind_of(operator: ProfiledOperator) -> LayerKind:
    """That of the first operator of a known kind among it and those that it makes: aten::linear makes aten::addmm."""
    kinds = (kind_of_profiled(part.name, part.shapes, part.values) for part in operator.with_inner())
    return next((kind for kind in kinds if kind is not LayerKind.OTHER), LayerKind.OTHER)


def _times(
    mode: Mode, operators: Sequence[ProfiledOperator], calls: int, method: str
) -> Iterator[Measurement | Breakdown]:
    """The whole, then its divisions. By module in inference alone: a backward pass runs outside the modules' ranges."""
    by_kind = time_by(lambda operator: kind_of(operator).value, operators, calls)
    yield Measurement(metric=OPERATOR_TIME, samples=(sum(by_kind.values()),), method=method)
    yield Breakdown(metric=OPERATOR_TIME, by="kind", values=by_kind, method=method)
    by_operator = time_by(lambda operator: operator.name, operators, calls)
    yield Breakdown(metric=OPERATOR_TIME, by="operator", values=by_operator, method=method)
    if mode is Mode.INFER:
        by_layer = time_by(lambda operator: operator.path, operators, calls)
        yield Breakdown(metric=OPERATOR_TIME, by="layer", values=by_layer, method=method)


def _overhead(profiled_s: Iterable[float], call_s: float) -> MetricResult:
    """One sample a profiled call."""
    if call_s <= 0:
        return Unavailable(metric=PROFILER_OVERHEAD, reason="no call was timed without the profiler")
    ratios = tuple(round(seconds / call_s, _RESOLUTION_DECIMALS) for seconds in profiled_s)
    method = f"host clock, over a latency of {call_s:.3g} s; modules' ranges included"
    return Measurement(metric=PROFILER_OVERHEAD, samples=ratios, method=method)


def _why_not(workload: Workload, budget: Budget, progress: ProbeState) -> str:
    if workload.case.compiler is not Compiler.EAGER or any(map(_is_compiled, workload.module.modules())):
        return "a compiled model runs kernels of its own making, which are of no one kind"
    if progress.call_s > budget.max_s:
        return f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
    return ""


def _is_compiled(part: nn.Module) -> bool:
    """Whether the model's own code compiled it: by `torch.compile(module)`, or by `module.compile()`."""
    return hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None) is not None


def _repeated(call: Call, progress: ProbeState, took_s: list[float], times: int) -> Call:
    """So many calls; what each took is added to the list."""

    def calls() -> None:
        for _ in range(times):
            before_s = progress.in_calls_s
            call()
            took_s.append(progress.in_calls_s - before_s)

    return calls


# One call of a case as a trace that chrome://tracing and ui.perfetto.dev show, the modules' ranges in it.


def write_trace(case: Case, path: str, emit: Emit) -> None:  # noqa: ARG001 - a task is given one
    """Write the trace of one call, after one to warm up. It is JSON in UTF-8 whatever bytes an argument's text had."""
    device = get_device(case.device)
    with device.settings(case):
        workload = build_workload(case, device)
        workload.call()
        device.wait()
        with module_scopes(workload.module), profiling(_activities(device)) as profiler:
            workload.call()
            device.wait()
    profiler.export_chrome_trace(path)
    file = Path(path)
    file.write_text(file.read_text(encoding="utf-8", errors="replace"), encoding="utf-8")


def _activities(device: Device) -> Iterable[ProfilerActivity]:
    """Beside the host's, those of a device that works apart from it."""
    if not device.has_own_timeline():
        return (ProfilerActivity.CPU,)
    return supported_activities()  # type: ignore[no-untyped-call,no-any-return]
