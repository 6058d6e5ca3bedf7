"""Where the time of a call goes, by kind of layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from zoobench.cases import Budget, Compiler
from zoobench.conduct import judge_work
from zoobench.counting.kinds import kind_of_profiled
from zoobench.devices import ProfiledOperator, Result
from zoobench.kinds import LayerKind
from zoobench.probes.probe import Probe, Progress, count_time
from zoobench.records import Breakdown, Finding, Measurement, Unavailable
from zoobench.subject import Subject

OPERATOR_TIME = "operator_time"

_CALLS = 3
_LONG_CALL_S = 1.0
"""A call of this length is profiled once."""


def measure_operator_time(
    subject: Subject, budget: Budget, progress: Progress
) -> Iterable[Result | Breakdown | Finding]:
    """A few more calls, under the torch profiler. None where calls are longer than the whole budget."""
    reason = _why_not(subject, budget, progress)
    if reason:
        yield Unavailable(metric=OPERATOR_TIME, reason=reason)
        return
    calls = 1 if progress.call_s > _LONG_CALL_S else _CALLS
    before_s = progress.in_calls_s
    operators = subject.device.profile_operators(_repeated(count_time(subject, progress), calls))
    yield from judge_work((operator.name for operator in operators), progress.call_s)
    profiled_s = (progress.in_calls_s - before_s) / calls
    times = time_by_kind(operators, calls)
    method = f"torch profiler, mean of {calls} calls; a profiled call took {profiled_s:.3g} s"
    yield Measurement(metric=OPERATOR_TIME, samples=(sum(times.values()),), method=method)
    yield Breakdown(metric=OPERATOR_TIME, by="kind", values=times, method=method)


PROBE = Probe(name=OPERATOR_TIME, metrics=(OPERATOR_TIME,), measure=measure_operator_time)


def time_by_kind(operators: Iterable[ProfiledOperator], calls: int) -> dict[str, float]:
    """Seconds a call of each kind that occurs, the most first."""
    times: defaultdict[str, float] = defaultdict(float)
    for operator in operators:
        times[kind_of(operator).value] += operator.time_s / calls
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def kind_of(operator: ProfiledOperator) -> LayerKind:
    """That of the first operator of a known kind among it and those that it makes: aten::linear makes aten::addmm."""
    kinds = (kind_of_profiled(part.name, part.shapes, part.values) for part in operator.with_inner())
    return next((kind for kind in kinds if kind is not LayerKind.OTHER), LayerKind.OTHER)


def _why_not(subject: Subject, budget: Budget, progress: Progress) -> str:
    if subject.case.compiler is not Compiler.EAGER:
        return "a compiled model runs kernels of its own making, which are of no one kind"
    if progress.call_s > budget.max_s:
        return f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
    return ""


def _repeated(call: Callable[[], object], times: int) -> Callable[[], None]:
    def calls() -> None:
        for _ in range(times):
            call()

    return calls
