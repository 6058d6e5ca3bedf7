"""`zoobench doctor`: calibrate the harness on this machine, and say in plain words what to change."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from zoobench.records import Calibration, Finding, Severity
from zoobench.records.machine import check_writable, write_calibration
from zoobench.stats.calibration import read_figures
from zoobench.stats.findings import text_of

GOOD = "good"
_WIDTH = 100
_MARKS = {Severity.NOTE: "note", Severity.WARNING: "change"}


def doctor(
    *,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, or auto: cuda where there is one")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="fewer and shorter checks: 20 s instead of a minute")] = False,
    results: Annotated[Path, typer.Option(help="folder of runs, which carry the result from then on")] = Path(
        "results"
    ),
) -> None:
    """Calibrate the harness on this machine. Say what to change, and write doctor.json beside the runs.

    Whatever is found, the exit code is 0: it is advice. A check that cannot be made says why.
    """
    from zoobench.cases.options import AUTOMATIC  # noqa: PLC0415
    from zoobench.measure.doctor import examine  # noqa: PLC0415 - `--help` need not wait for the measuring side
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.messages import FULL, QUICK, example_case  # noqa: PLC0415 - `--help` need not wait for the measuring side
    from zoobench.measure.session import open_machine  # noqa: PLC0415

    check_writable(results)
    machine = open_machine(ForkedWorkers(), device=device)
    case = example_case(machine.preferred_device() if device == AUTOMATIC else device)
    made = examine(machine, case, QUICK if quick else FULL, _announce)
    typer.echo("\n".join(render_calibration(made)))
    path = write_calibration(made, results)
    typer.echo(f"written to {path}: runs that start in {results} carry it")


def render_calibration(made: Calibration) -> list[str]:
    """A line for each figure, `good` beside it or what to change beneath it."""
    readings = read_figures(made)
    width = max((len(reading.title) for reading in readings), default=0)
    lines = _head(made)
    for reading in readings:
        verdict = GOOD if reading.is_good else ""
        lines.append(f"  {reading.title:<{width}}  {reading.text:<10}  {verdict}".rstrip())
        lines += [line for finding in reading.findings for line in _render_finding(finding)]
    return [*lines, _conclusion(made)]


def _render_finding(finding: Finding) -> list[str]:
    text = f"{_MARKS[finding.severity]}: {text_of(finding)}"
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6)


def _announce(number: int, total: int, title: str) -> None:
    """Progress is for whoever waits, and not part of the page."""
    typer.echo(f"[{number:>{len(str(total))}}/{total}] {title} …", err=True)


def _head(made: Calibration) -> list[str]:
    facts = made.facts
    where = [facts.get("device_model") or facts.get("processor", ""), f"{facts.get('threads', '?')} threads"]
    if facts.get("is_virtual") == "true":
        where.append("a virtual machine")
    busiest = facts.get("busiest_processes", "none")
    others = [] if busiest == "none" else [f"busiest processes (and processors that each fills): {busiest}"]
    return [f"{', '.join(where)}, torch {facts.get('torch', '?')}", *others]


def _conclusion(made: Calibration) -> str:
    to_change = sum(finding.severity is Severity.WARNING for finding in made.findings)
    if not to_change:
        return "nothing to change"
    return f"{to_change} {'thing' if to_change == 1 else 'things'} to change"
