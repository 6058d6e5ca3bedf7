"""Suites under pytest: a test that uses `measure_case` is run once for each case of its module's `MATRIX`.

    MATRIX = Matrix(modes=(Mode.INFER,))
    BUDGET = Budget()

or, where each matrix has a budget of its own and options may only narrow them, `PLANS = (Plan(matrix, budget), ...)`.

    def bench_inference(measure_case):
        measure_case()

This package is loaded with every pytest session, so it imports little: what measures is imported when a suite is
collected (`zoobench.pytest_plugin.bench`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

if TYPE_CHECKING:
    from zoobench.cases import Case, ZoobenchError
    from zoobench.cases.options import Options  # noqa: F401 - in a string below
    from zoobench.pytest_plugin.bench import Bench, PedanticBenchmark, ReplayTimer  # noqa: F401 - in a string below
    from zoobench.records import CaseRecord

USAGE_ERROR = 2
PREFIX = "zoobench-"
PROPERTY = "zoobench"

_Anything = AbstractContextManager[Any]
_TIMER = pytest.StashKey["ReplayTimer"]()
_OPTIONS = pytest.StashKey["Options"]()
_BENCH = pytest.StashKey["Bench"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the table."""
    from zoobench.cases.options import OPTIONS

    group = parser.getgroup("zoobench")
    for row in OPTIONS:
        group.addoption(f"--{PREFIX}{row.name}", metavar=row.metavar, default=None, help=row.help)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, so that a mistake is reported before anything is collected."""
    from zoobench.cases import ZoobenchError
    from zoobench.cases.options import OPTIONS, parse_options, read_project_options

    asked = {row.name: config.getoption(f"--{PREFIX}{row.name}") for row in OPTIONS}
    texts = {name: str(value) for name, value in asked.items() if value is not None}
    try:
        options = parse_options(read_project_options(config.rootpath) | texts)
        if options.matrix.models or options.matrix.families:
            from zoobench.cases import catalogue as catalogue

            catalogue.select(options.matrix)
    except ZoobenchError as error:
        _exit(error)
    config.stash[_OPTIONS] = options


def _bench_of(config: pytest.Config) -> Bench:
    """The session's benchmark, made when the first suite is collected."""
    if _BENCH not in config.stash:
        from zoobench.pytest_plugin.bench import Bench

        command = ("pytest", *map(str, config.invocation_params.args))
        is_smoke = bool(config.getoption("--benchmark-disable", default=False))
        config.stash[_BENCH] = Bench(config.stash[_OPTIONS], command, is_smoke=is_smoke)
    return config.stash[_BENCH]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the run."""
    if _BENCH in config.stash:
        config.stash[_BENCH].close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case of the module's matrix."""
    if "zoobench_case" not in metafunc.fixturenames:
        return
    from zoobench.cases import ZoobenchError
    from zoobench.measure.progress import title_of

    bench = _bench_of(metafunc.config)
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
        from zoobench.pytest_plugin.bench import ReplayTimer

        item.stash[_TIMER] = ReplayTimer()
        item.add_marker(pytest.mark.benchmark(timer=item.stash[_TIMER]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Report a mistake that was found while cases were made, and deselect suites without cases.

    The mistake waits until here because pytest would take it for a broken suite where it is found.
    """
    if _BENCH not in config.stash:
        return
    mistake = config.stash[_BENCH].mistake
    if mistake is not None:
        _exit(mistake)
    empty = [item for item in items if "zoobench_case" in getattr(item, "fixturenames", ()) and not _case_of(item)]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Which cases there are, now that selection is over."""
    if _BENCH not in session.config.stash:
        return
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
    from zoobench.cases import ZoobenchError
    from zoobench.pytest_plugin import bench as benchmarks

    bench = _bench_of(request.config)

    def measure() -> CaseRecord:
        item.user_properties.append((PROPERTY, zoobench_case.id))
        timer = item.stash[_TIMER]
        try:
            record = benchmarks.measure(bench, item.module, zoobench_case, _uncaptured(request.config))
        except ZoobenchError as error:
            benchmarks.mark_failed(benchmark, timer)
            _exit(error)
        except KeyboardInterrupt:
            benchmarks.mark_failed(benchmark, timer)
            raise
        benchmarks.hand_over(record, benchmark, timer)
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
    bench = config.stash.get(_BENCH, None)
    if bench is None or bench.writer is None:
        return
    share = f"{100 * bench.session.in_calls_ratio():.0f} % of the time was spent inside calls of models"
    terminalreporter.section("zoobench")
    for note in bench.notes:
        terminalreporter.write_line(f"note:    {note}")
    terminalreporter.write_line(f"results: {bench.writer.path} ({share})")
    terminalreporter.write_line(f"report:  python -m zoobench report {bench.writer.run.run_id}")


def _case_of(item: pytest.Item) -> Case | None:
    """The case of a test; a test of an empty matrix has a placeholder of pytest's instead."""
    from zoobench.cases import Case

    case = item.callspec.params.get("zoobench_case") if hasattr(item, "callspec") else None
    return case if isinstance(case, Case) else None


def _uncaptured(config: pytest.Config) -> _Anything:
    """Where the terminal can be written to in the middle of a test."""
    capture = config.pluginmanager.getplugin("capturemanager")
    return nullcontext() if capture is None else cast("_Anything", capture.global_and_fixture_disabled())


def _refuse_xdist(config: pytest.Config) -> None:
    """Its workers collect: the error of one is printed by the process that started them."""
    if hasattr(config, "workerinput"):
        reason = "cases that run side by side disturb each other's times: run without pytest-xdist (-n0)"
        raise pytest.Collector.CollectError(f"zoobench: {reason}")


def _exit(error: ZoobenchError) -> NoReturn:
    pytest.exit(f"zoobench: {error}", returncode=USAGE_ERROR)
