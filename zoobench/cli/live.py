"""What `compare` and `bisect` do: measure two sides now, print progress, decide, and print how to resume if stopped."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from zoobench.cases import AXES, Matrix, format_seconds, parse_ratio, plans
from zoobench.cases.options import AUTOMATIC, parse_options, read_project_options
from zoobench.cli.decided import comparison_folder, print_comparison
from zoobench.cli.options import RuleRequest

if TYPE_CHECKING:
    from zoobench.cases import DeviceFacts
    from zoobench.compare.comparison import MeasuredComparison
    from zoobench.compare.request import ComparisonRequest
    from zoobench.compare.spec import AskedPair, ComparisonSpec, Event, Injection
    from zoobench.records.comparison import CaseFacts, CasePair, ComparisonSetup

MATRIX_OPTIONS = ("preset", "models", "families", *(axis.option for axis in AXES))
"""Of the table of options, those that say which cases."""

_SEED_BITS = 31


class LiveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides that are to be measured now. `texts` say which cases, by the names of options with underscores."""

    sides: ComparisonRequest
    texts: Mapping[str, str | None]
    budget_s: float
    rule: RuleRequest
    results: Path
    seed: int | None = None
    injection: Injection | None = None
    label: str = "compare"
    out: Path | None = None


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that was stopped, and so much more time for it."""

    comparison_id: str
    budget_s: float
    results: Path
    out: Path | None = None


def compare_live(request: LiveRequest) -> int:
    """Measure, decide, print and write. Returns the exit code."""
    measured_comparison = measure_live(request)
    return _decide_and_print(measured_comparison, request.out or measured_comparison.folder)


def measure_live(request: LiveRequest) -> MeasuredComparison:
    """Measure both sides.

    Raises: ZoobenchError for what the user can fix.
    """
    from zoobench.compare.comparison import compare_sides  # noqa: PLC0415 - stored runs need none of it

    spec = _spec(request)
    telling = EventPrinter(request.results)
    with telling.resumable():
        return compare_sides(request.sides, spec, results=request.results, label=request.label, emit=telling)


def go_on(request: ResumeRequest) -> int:
    """Measure what a comparison lacks, decide, print and write. Returns the exit code."""
    from zoobench.compare.comparison import resume_sides  # noqa: PLC0415
    from zoobench.compare.journal import load_evidence, load_spec  # noqa: PLC0415

    folder = comparison_folder(request.results, request.comparison_id)
    sides = sides_of(load_evidence(folder).setup, load_spec(folder))
    telling = EventPrinter(request.results)
    with telling.resumable():
        measured_comparison = resume_sides(folder, sides, budget_s=request.budget_s, emit=telling)
    return _decide_and_print(measured_comparison, request.out or folder)


def sides_of(setup: ComparisonSetup, spec: ComparisonSpec) -> ComparisonRequest:
    """What an experiment was asked to compare, by the commits that it had; other files are found out later."""
    from zoobench.compare.request import WORKING_TREE, ComparisonRequest, SideRequest  # noqa: PLC0415
    from zoobench.records.comparison import ComparisonKind  # noqa: PLC0415

    revisions = [None if side.asked == WORKING_TREE else side.commit for side in (setup.base, setup.head)]
    pairs: list[AskedPair | None] = list(spec.pairs) or [None]
    first = pairs[0] if setup.kind is ComparisonKind.CASES else None
    cases = (None, None) if first is None else (first.base, first.head)
    pythons = [Path(python) if python else None for python in spec.pythons]
    base, head = (
        SideRequest(revision=revision, python=python, case=case)
        for revision, python, case in zip(revisions, pythons, cases, strict=True)
    )
    return ComparisonRequest(kind=setup.kind, base=base, head=head)


def parse_injection(ratio: str | None, share: str) -> Injection | None:
    """What is to be wasted, and in which share of the cases; a plain number from 1 on is a percentage.

    Raises: BadInputError.
    """
    from zoobench.compare.spec import Injection  # noqa: PLC0415

    if ratio is None:
        return None
    is_percentage = ratio.replace(".", "", 1).isdecimal() and float(ratio) >= 1
    return Injection(ratio=parse_ratio("inject", f"{ratio}%" if is_percentage else ratio), share=_share(share))


def _share(text: str) -> float:
    return 1.0 if text.strip() in {"1", "1.0", "100%"} else parse_ratio("inject-share", text)


def _spec(request: LiveRequest) -> ComparisonSpec:
    from zoobench.compare.spec import AskedPair, ComparisonSpec  # noqa: PLC0415
    from zoobench.records.comparison import Rule  # noqa: PLC0415
    from zoobench.stats.verdicts.decide import margin_of  # noqa: PLC0415

    base, head = request.sides.base.case, request.sides.head.case
    pairs = () if base is None else (AskedPair(base=base, head=head),)
    matrix = None if pairs else _matrix(request.texts)
    devices = {case.device for pair in pairs for case in pair.cases} if matrix is None else {matrix.device or ""}
    return ComparisonSpec(
        kind=request.sides.kind,
        rule=request.rule.over(Rule(margin_ratio=margin_of(devices))),
        seed=secrets.randbits(_SEED_BITS) if request.seed is None else request.seed,
        budget_s=request.budget_s,
        command=("zoobench", *sys.argv[1:]),
        matrix=matrix,
        pairs=pairs,
        pythons=(str(request.sides.base.python or ""), str(request.sides.head.python or "")),
        injection=request.injection,
    )


def _matrix(texts: Mapping[str, str | None]) -> Matrix:
    """The cases that the options and `[tool.zoobench]` ask for; the quick preset's where they say nothing."""
    from zoobench.measure.session import check_precision  # noqa: PLC0415

    given = {name.replace("_", "-"): text for name, text in texts.items() if text is not None}
    project = {name: text for name, text in read_project_options(Path.cwd()).items() if name in MATRIX_OPTIONS}
    options = parse_options({"preset": plans.QUICK} | project | given)
    facts = _facts_of(options.device)
    matrix = options.resolve(Matrix(), facts)
    for precision in matrix.precisions or ():
        check_precision(precision, facts)
    return matrix


def _facts_of(device: str) -> DeviceFacts:
    """Of the device that a user names, `auto` included; asked of a worker, since this process has no torch."""
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.session import open_machine  # noqa: PLC0415

    machine = open_machine(ForkedWorkers(), device=device)
    return machine.device(machine.preferred_device() if device == AUTOMATIC else device)


def _decide_and_print(measured_comparison: MeasuredComparison, folder: Path) -> int:
    from zoobench.stats.verdicts.decide import decide  # noqa: PLC0415

    comparison = decide(measured_comparison.evidence)
    print_comparison(comparison, folder)
    return comparison.exit


class EventPrinter:
    """Prints events as lines; on a terminal, the generation that is measured now is written over by the next."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._before = set(_comparison_ids(results))
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, event: Event) -> None:
        from zoobench.compare import spec  # noqa: PLC0415
        from zoobench.stats.verdicts.plan import describe_plan  # noqa: PLC0415

        match event:
            case spec.PairPrepared(case_pair=case_pair):
                self._line(f"{case_pair.id}: {_found(case_pair)}")
            case spec.Planned(plan=plan):
                self._line(describe_plan(plan))
            case spec.Began(stage=stage, generation=number, case_pairs=count):
                self._passing(f"{stage}, generation {number}: {count} cases and controls")
            case spec.Noted(text=text):
                self._line(f"note: {text}")
            case _:
                pass

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """After Ctrl-C, print how to resume: what was measured is kept."""
        try:
            yield
        except KeyboardInterrupt:
            self._clear()
            for comparison_id in sorted(set(_comparison_ids(self._results)) - self._before):
                typer.echo(f"zoobench: stopped; `zoobench compare --resume {comparison_id}` goes on", err=True)
            raise
        finally:
            self._clear()

    def _line(self, text: str) -> None:
        self._clear()
        typer.echo(text, err=True)

    def _passing(self, text: str) -> None:
        self._clear()
        typer.echo(text, nl=not self._is_terminal, err=True)

    def _clear(self) -> None:
        if self._is_terminal:
            typer.echo("\r\x1b[K", nl=False, err=True)


def _comparison_ids(results: Path) -> list[str]:
    from zoobench.compare.journal import comparison_ids  # noqa: PLC0415

    return comparison_ids(results)


def _found(case_pair: CasePair) -> str:
    return f"base {_of_side(case_pair.base)}, head {_of_side(case_pair.head)}"


def _of_side(facts: CaseFacts) -> str:
    if facts.failure is not None:
        return facts.failure.message
    return "not run" if facts.call_s is None else format_seconds(facts.call_s)
