"""Comparisons of what was measured already: stored runs, and experiments that are decided again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from zoobench.cases import UnknownNameError
from zoobench.cli.options import RuleRequest

if TYPE_CHECKING:
    from zoobench.records.comparison import Comparison, Evidence
    from zoobench.records.store import StoredRun

_WIDTH_WITHOUT_TERMINAL = 160


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that were measured already."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    results: Path
    rule: RuleRequest
    out: Path | None = None


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that was measured already."""

    comparison_id: str
    results: Path
    rule: RuleRequest
    out: Path | None = None


def compare_stored(request: StoredRequest) -> int:
    """Compare runs, write the result beside the newest of the head's, and print it. Returns the exit code."""
    from zoobench.records import store  # noqa: PLC0415
    from zoobench.records.comparison import Rule  # noqa: PLC0415
    from zoobench.records.files import gc_paused  # noqa: PLC0415
    from zoobench.stats.verdicts.decide import margin_of  # noqa: PLC0415
    from zoobench.stats.verdicts.stored_runs import compare_runs  # noqa: PLC0415

    with gc_paused():
        base, head = ([store.load_run(request.results, run) for run in runs] for runs in (request.base, request.head))
        rule = request.rule.over(Rule(margin_ratio=margin_of(_devices((*base, *head)))))
        comparison = compare_runs(base, head, rule)
    print_comparison(comparison, request.out or request.results / max(request.head) / "compare")
    return comparison.exit


def _devices(runs: Iterable[StoredRun]) -> set[str]:
    return {record.case.device for stored in runs for record in stored.records}


def replay(request: ReplayRequest) -> int:
    """Decide again. What comes out must be what was stored, unless another rule was asked for; the exit code."""
    from zoobench.compare.journal import load_evidence  # noqa: PLC0415
    from zoobench.records.comparison import FILE  # noqa: PLC0415
    from zoobench.stats.verdicts.decide import decide  # noqa: PLC0415

    folder = comparison_folder(request.results, request.comparison_id)
    evidence = load_evidence(folder)
    again = _under(evidence, request.rule)
    comparison = decide(again)
    stored = folder / FILE
    is_finished = stored.exists()
    print_comparison(comparison, request.out or (None if is_finished else folder))
    if again != evidence:
        typer.echo(
            "decided by another rule than the experiment's, which chose the suspects: nothing to hold it against"
        )
    elif not is_finished:
        typer.echo(f"the experiment was not finished: there is no {FILE} to hold this against")
    else:
        return _hold_against(stored, comparison)
    return comparison.exit


def comparison_folder(results: Path, comparison_id: str) -> Path:
    """Where that experiment is stored.

    Raises: UnknownNameError.
    """
    from zoobench.compare.journal import comparison_ids  # noqa: PLC0415

    known = comparison_ids(results)
    if comparison_id not in known:
        raise UnknownNameError("comparison", comparison_id, known)
    return results / comparison_id


def _under(evidence: Evidence, rule: RuleRequest) -> Evidence:
    setup = evidence.setup
    replaced = msgspec.structs.replace(setup, rule=rule.over(setup.rule))
    return msgspec.structs.replace(evidence, setup=replaced)


def _hold_against(path: Path, comparison: Comparison) -> int:
    from zoobench.records.comparison import Exit, load_comparison  # noqa: PLC0415
    from zoobench.stats.verdicts.decide import differing_verdicts  # noqa: PLC0415

    differing = differing_verdicts(load_comparison(path), comparison)
    if not differing:
        typer.echo(f"the same verdicts as in {path}")
        return comparison.exit
    for line in differing:
        typer.echo(f"zoobench: {line}", err=True)
    typer.echo(f"zoobench: not the verdicts that are stored in {path}: this is another zoobench, or a defect", err=True)
    return Exit.NO_VERDICT


def print_comparison(comparison: Comparison, folder: Path | None) -> None:
    """Print it, then write it: a disk that is full must not hide the verdict."""
    from rich.console import Console  # noqa: PLC0415

    from zoobench.report.comparison.table import ComparisonView  # noqa: PLC0415
    from zoobench.report.comparison.write import write_comparison  # noqa: PLC0415

    is_wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    Console(width=_WIDTH_WITHOUT_TERMINAL if is_wide else None).print(ComparisonView(comparison))
    if folder is None:
        return
    paths = write_comparison(comparison, folder)
    if paths.note:
        typer.echo(f"zoobench: {paths.note}", err=True)
    for path in (paths.document, paths.markdown, paths.junit, *paths.figures):
        typer.echo(f"wrote {path}")
