"""Suites under pytest: a test that uses `measure_case` is run once for each case of its module's `MATRIX`.

    MATRIX = Matrix(modes=(Mode.INFER,))
    BUDGET = Budget()

or, where each matrix has a budget of its own and options may only narrow them, `PLANS = (Plan(matrix, budget), ...)`.

    def bench_inference(measure_case):
        measure_case()

This module turns pytest's options into a session and a session's results into pytest's; what happens in between is
`zoobench.measure.session`'s. It is loaded with every pytest run, so it imports no torch.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, NoReturn, Protocol, cast

import pytest
from rich.console import Console

from zoobench.cases import SMOKE_BUDGET, Budget, Case, DeviceFacts, Matrix, Plan, catalogue, presets
from zoobench.cases.errors import ZoobenchError
from zoobench.cases.options import AUTOMATIC, OPTIONS, Options, expanded, parse_options, read_project_options
from zoobench.measure.executor import ForkedWorkers, InProcess
from zoobench.measure.machine import find_ceilings
from zoobench.measure.progress import RunProgress, outcome_of, title_of
from zoobench.measure.session import Machine, Recorder, Session, check_case, open_machine, resume_run, start_run
from zoobench.records import CaseRecord, FailureKind
from zoobench.records.store import RunWriter

# Hands measured rounds to pytest-benchmark, so that its table, storage and comparison work with our numbers.
#
# pytest-benchmark reads a timer before and after each call of a function. Here the function does nothing, and the timer
# tells the durations that were measured in the worker. Only public interface: the `timer` of its marker, `pedantic`.


class PedanticBenchmark(Protocol):
    """The part of pytest-benchmark's fixture used here."""

    extra_info: dict[str, object]

    def pedantic(self, target: object, *, rounds: int, iterations: int, warmup_rounds: int) -> object:
        """Call the target in rounds, each between two readings of the timer."""
        ...


class ReplayTimer:
    """A timer whose readings, taken in pairs, differ by the durations loaded into it (seconds)."""

    __name__ = "zoobench"

    def __init__(self) -> None:
        self._readings: list[float] = []

    def load(self, durations_s: Sequence[float]) -> None:
        """Set the durations that the next pairs of readings tell."""
        self._readings = [reading for duration_s in reversed(durations_s) for reading in (duration_s, 0.0)]

    def __call__(self) -> float:
        """The next reading: zero before a call, its duration after it."""
        return self._readings.pop()


def replay(benchmark: PedanticBenchmark, timer: ReplayTimer, samples_s: Sequence[float]) -> None:
    """Let pytest-benchmark take these samples as its rounds. `timer` must be the fixture's."""
    timer.load(samples_s)
    benchmark.pedantic(_nothing, rounds=len(samples_s), iterations=1, warmup_rounds=0)


def mark_failed(benchmark: PedanticBenchmark, timer: ReplayTimer) -> None:
    """Tell pytest-benchmark that this case has no rounds because it failed, or it warns of a fixture not used."""
    timer.load([0.0])
    with contextlib.suppress(_CaseFailedError):
        benchmark.pedantic(_fail, rounds=1, iterations=1, warmup_rounds=0)


class _CaseFailedError(Exception):
    """Raised where pytest-benchmark expects a failing function to raise."""


def _fail() -> None:
    raise _CaseFailedError


def _nothing() -> None:
    """What pytest-benchmark calls between two readings."""


USAGE_ERROR = 2
PREFIX = "zoobench-"
PROPERTY = "zoobench"

_Anything = AbstractContextManager[Any]
_TIMER = pytest.StashKey[ReplayTimer]()


class Bench:
    """One pytest session's benchmark; what costs time is done when it is first needed."""

    def __init__(self, options: Options, command: tuple[str, ...], *, is_smoke: bool) -> None:
        self.options = options
        self.command = command
        self.is_smoke = is_smoke
        self.selected: list[tuple[Case, Budget]] = []
        self.ordinary: set[str] = set()
        """Ids of cases that a suite of free axes has; the others are planned."""
        self.notes: tuple[str, ...] = ()
        self.mistake: ZoobenchError | None = None
        self.writer: RunWriter | None = None
        self._finished: tuple[CaseRecord, ...] = ()
        self._budgets: dict[tuple[str, str], Budget] = {}

    @functools.cached_property
    def machine(self) -> Machine:
        executor = ForkedWorkers() if self.options.is_isolated else InProcess()
        return open_machine(executor, device=self.options.device)

    @functools.cached_property
    def session(self) -> Session:
        self._open_run()
        return Session(self.machine, Recorder(self.writer, self._finished))

    @functools.cached_property
    def progress(self) -> RunProgress:
        missing = sum(self.session.finished(case, budget) is None for case, budget in self.selected)
        return RunProgress(Console(highlight=False, soft_wrap=True), missing)

    def cases(self, module: ModuleType) -> list[Case]:
        """What the module's matrix comes to, checked.

        Raises: ZoobenchError.
        """
        cases: dict[str, Case] = {}
        for plan in _plans_of(module, self.options):
            device = self.machine.device(self._device_name(plan.matrix))
            for case in self._cases_of(plan, device, is_fixed=hasattr(module, "PLANS")):
                check_case(case, device)
                cases.setdefault(case.id, case)
                self._budgets.setdefault((module.__name__, case.id), plan.budget)
        return list(cases.values())

    def _cases_of(self, plan: Plan, device: DeviceFacts, *, is_fixed: bool) -> Iterable[Case]:
        if is_fixed:
            return self.options.narrow(plan.matrix, device)
        return expanded(self.options.resolve(plan.matrix, device, is_counted=not plan.budget.max_rounds))

    def budget(self, module: ModuleType, case: Case) -> Budget:
        """What the plan of the case allows; a smoke test calls once, unless the plan allows no call at all."""
        planned = self._budgets[module.__name__, case.id]
        return SMOKE_BUDGET if self.is_smoke and planned.max_rounds else self.options.budget(planned)

    def select(self, module: ModuleType, case: Case) -> None:
        """Take note of a case that is about to be measured."""
        self.selected.append((case, self.budget(module, case)))
        if not hasattr(module, "PLANS"):
            self.ordinary.add(case.id)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def _device_name(self, suite: Matrix) -> str:
        if self.options.device != AUTOMATIC:
            return self.options.device
        if suite.device is not None:
            return suite.device
        return self.machine.preferred_device()

    def _open_run(self) -> None:
        if self.is_smoke:
            return
        if self.options.resume is None:
            timed = (case for case, budget in self.selected if budget.max_rounds)
            calibrated, notes = self.machine.calibrated(self.options.results)
            machine, more_notes = find_ceilings(calibrated, timed, self.options.results)
            self.notes = (*notes, *more_notes)
            self.writer = start_run(self.options.results, machine, label=self.options.label, command=self.command)
            return
        self.writer, stored = resume_run(self.options.results, self.options.resume, self.machine)
        self._finished, self.notes = stored.records, stored.notes


_BENCH = pytest.StashKey[Bench]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the table."""
    group = parser.getgroup("zoobench")
    for row in OPTIONS:
        group.addoption(f"--{PREFIX}{row.name}", metavar=row.metavar, default=None, help=row.help)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options now, so that a mistake is told before anything is collected."""
    asked = {row.name: config.getoption(f"--{PREFIX}{row.name}") for row in OPTIONS}
    texts = {name: str(value) for name, value in asked.items() if value is not None}
    try:
        options = parse_options(read_project_options(config.rootpath) | texts)
        catalogue.select(options.matrix)
    except ZoobenchError as error:
        _exit(error)
    command = ("pytest", *config.invocation_params.args)
    is_smoke = bool(config.getoption("--benchmark-disable", default=False))
    config.stash[_BENCH] = Bench(options, tuple(map(str, command)), is_smoke=is_smoke)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the run."""
    if _BENCH in config.stash:
        config.stash[_BENCH].close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case of the module's matrix."""
    if "zoobench_case" not in metafunc.fixturenames:
        return
    bench = metafunc.config.stash[_BENCH]
    try:
        _refuse_xdist(metafunc.config)
        cases = bench.cases(metafunc.module)
    except ZoobenchError as error:
        bench.mistake, cases = error, []
    ids = [title_of(case).replace(" ", "-") for case in cases]
    metafunc.parametrize("zoobench_case", cases, ids=ids, indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each case a timer of its own for pytest-benchmark; it must be there before the fixture is made."""
    if _case_of(item) is not None:
        item.stash[_TIMER] = ReplayTimer()
        item.add_marker(pytest.mark.benchmark(timer=item.stash[_TIMER]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell a mistake found while cases were made, and leave out the suites of which nothing was asked for.

    The mistake waits until here because pytest would take it for a broken suite where it is found.
    """
    mistake = config.stash[_BENCH].mistake
    if mistake is not None:
        _exit(mistake)
    empty = [item for item in items if "zoobench_case" in getattr(item, "fixturenames", ()) and not _case_of(item)]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Which cases there are, now that selection is over."""
    bench = session.config.stash[_BENCH]
    chosen = ((cast("pytest.Function", item), _case_of(item)) for item in session.items)
    for item, case in chosen:
        if case is not None:
            bench.select(item.module, case)


@pytest.fixture
def zoobench_case(request: pytest.FixtureRequest) -> Case:
    """The case of this test."""
    return cast("Case", request.param)


@pytest.fixture
def measure_case(
    request: pytest.FixtureRequest, zoobench_case: Case, benchmark: PedanticBenchmark
) -> Callable[[], CaseRecord]:
    """Measures this test's case, records it, and hands its rounds to pytest-benchmark."""
    item = cast("pytest.Function", request.node)
    bench = request.config.stash[_BENCH]

    def measure() -> CaseRecord:
        item.user_properties.append((PROPERTY, zoobench_case.id))
        timer = item.stash[_TIMER]
        try:
            record = _measure(bench, item.module, zoobench_case, _uncaptured(request.config))
        except ZoobenchError as error:
            mark_failed(benchmark, timer)
            _exit(error)
        except KeyboardInterrupt:
            mark_failed(benchmark, timer)
            raise
        _hand_over(record, benchmark, timer)
        return record

    return measure


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
    """No dot for a case: it has a line of its own."""
    is_case = any(name == PROPERTY for name, _ in getattr(report, "user_properties", ()))
    if is_case and report.when == "call":
        return report.outcome, "", report.outcome.upper()
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the results are, and what to do with them."""
    bench = config.stash[_BENCH]
    if bench.writer is None:
        return
    share = f"{100 * bench.session.in_calls_ratio():.0f} % of the time was spent inside calls of models"
    terminalreporter.section("zoobench")
    for note in bench.notes:
        terminalreporter.write_line(f"note:    {note}")
    terminalreporter.write_line(f"results: {bench.writer.path} ({share})")
    terminalreporter.write_line(f"report:  python -m zoobench report {bench.writer.run.run_id}")


def _plans_of(module: ModuleType, options: Options) -> tuple[Plan, ...]:
    """What the module states; the quick preset leaves out what it would be over before."""
    own = Plan(getattr(module, "MATRIX", Matrix()), getattr(module, "BUDGET", Budget()))
    plans = cast("tuple[Plan, ...]", getattr(module, "PLANS", (own,)))
    is_timed = any(plan.budget.max_rounds for plan in plans)
    if presets.is_timing_only(options.preset) and (hasattr(module, "PLANS") or not is_timed):
        return ()
    return plans


def _case_of(item: pytest.Item) -> Case | None:
    """The case of a test; a test of an empty matrix has a placeholder of pytest's instead."""
    case = item.callspec.params.get("zoobench_case") if hasattr(item, "callspec") else None
    return case if isinstance(case, Case) else None


def _measure(bench: Bench, module: ModuleType, case: Case, uncaptured: _Anything) -> CaseRecord:
    budget = bench.budget(module, case)
    if (finished := bench.session.finished(case, budget)) is not None:
        pytest.skip(f"already in this run ({finished.started_at})")
    with uncaptured:
        bench.progress.begin(case)
        record = bench.session.measure(case, budget, is_planned=case.id not in bench.ordinary)
        bench.progress.end(record)
    return record


def _hand_over(record: CaseRecord, benchmark: PedanticBenchmark, timer: ReplayTimer) -> None:
    if record.failure is not None:
        text = outcome_of(record)
        if record.failure.kind is FailureKind.OVER_BUDGET:
            pytest.skip(text)
        mark_failed(benchmark, timer)
        pytest.fail(text, pytrace=False)
    latency = record.measurement("latency")
    if latency is None:  # it was only counted, which pytest-benchmark has no word for
        mark_failed(benchmark, timer)
        return
    benchmark.extra_info["case"] = record.case.id
    replay(benchmark, timer, latency.samples)


def _uncaptured(config: pytest.Config) -> _Anything:
    """Where the terminal can be written to in the middle of a test."""
    capture = config.pluginmanager.getplugin("capturemanager")
    return nullcontext() if capture is None else cast("_Anything", capture.global_and_fixture_disabled())


def _refuse_xdist(config: pytest.Config) -> None:
    """Its workers collect, and tell what they cannot collect to the process that prints."""
    if hasattr(config, "workerinput"):
        reason = "cases that run side by side disturb each other's times: run without pytest-xdist (-n0)"
        raise pytest.Collector.CollectError(f"zoobench: {reason}")


def _exit(error: ZoobenchError) -> NoReturn:
    pytest.exit(f"zoobench: {error}", returncode=USAGE_ERROR)
