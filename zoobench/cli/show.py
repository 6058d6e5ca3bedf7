"""`zoobench show`: a stored run, or everything about one of its cases, raw samples too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import BadInputError, UnknownNameError, format_duration, format_percent, format_quantity
from zoobench.cli.models import render_environment
from zoobench.measure.progress import outcome_of
from zoobench.records import Breakdown, CaseRecord, Measurement, metrics, store
from zoobench.records.store import StoredRun
from zoobench.stats import findings
from zoobench.stats.estimates import Summary
from zoobench.stats.summaries import process_medians, summary_of

_SAMPLES_A_LINE = 8


def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="a run's id, as `results/` names it")],
    case: Annotated[
        str | None, typer.Argument(metavar="CASE", help="a case's number or id, or a part of it that no other has")
    ] = None,
    results: Annotated[Path, typer.Option(help="folder of runs")] = Path("results"),
) -> None:
    """Show a run's cases, or everything about one case."""
    stored = store.load_run(results, run_id)
    for note in stored.notes:
        typer.echo(f"note: {note}", err=True)
    lines = _render_run(stored) if case is None else _render_case(find_case(stored, case))
    typer.echo("\n".join(lines))


def find_case(stored: StoredRun, text: str) -> CaseRecord:
    """The case of that number (from 1), that id, or the only one with that text in its id.

    Raises: UnknownNameError, BadInputError.
    """
    records = {record.case.id: record for record in stored.records}
    if text in records:
        return records[text]
    if text.isdecimal() and 1 <= int(text) <= len(stored.records):
        return stored.records[int(text) - 1]
    matching = [record for case_id, record in records.items() if text in case_id]
    if len(matching) > 1:
        raise BadInputError(f"{text!r} is a part of {len(matching)} case ids, such as {matching[0].case.id}: say more")
    if not matching:
        where_listed = f"`python -m zoobench show {stored.run.run_id}`"
        raise UnknownNameError("case", text, records, where_listed=where_listed)
    return matching[0]


def _render_run(stored: StoredRun) -> list[str]:
    run = stored.run
    numbered = enumerate(stored.records, start=1)
    return [
        f"run      {run.run_id}",
        f"label    {run.label}",
        f"started  {run.started_at}",
        f"command  {' '.join(run.command)}",
        *render_environment(run.environment),
        f"cases    {len(stored.records)}",
        *(f"{number:>6}  {record.case.id}  {outcome_of(record)}" for number, record in numbered),
    ]


def _render_case(record: CaseRecord) -> list[str]:
    lines = [f"case     {record.case.id}", f"started  {record.started_at}, took {format_duration(record.duration_s)}"]
    if record.failure is not None:
        lines.append(f"failed   {record.failure.kind.value} in {record.failure.where}: {record.failure.message}")
    lines += [f"{finding.severity.value:<8} {findings.text_of(finding)}" for finding in record.findings]
    for measurement in record.measurements:
        lines += _render_measurement(measurement)
    for breakdown in record.breakdowns:
        lines += _render_breakdown(breakdown)
    return lines + [f"{missing.metric}: unavailable, {missing.reason}" for missing in record.unavailable]


def _render_breakdown(breakdown: Breakdown) -> list[str]:
    unit = metrics.find(breakdown.metric).unit
    parts = (f"  {format_quantity(value, unit):>10}  {name}" for name, value in breakdown.values.items())
    return [f"{breakdown.metric} by {breakdown.by} ({breakdown.method})", *parts]


def _render_measurement(measurement: Measurement) -> list[str]:
    unit, summary = metrics.find(measurement.metric).unit, summary_of(measurement)
    width = "" if summary.half_width_ratio is None else f" ±{format_percent(summary.half_width_ratio)}"
    head = f"{measurement.metric}: {format_quantity(summary.median, unit)}{width}"
    if summary.n == 1:
        return [f"{head}, 1 sample: {_raw(measurement.samples[0])} ({measurement.method})"]
    table = {"samples": measurement.samples, **measurement.covariates}
    if summary.processes > 1:
        table = {"medians of processes": tuple(process_medians(measurement)), **table}
    lines = [f"{head}, {_counted(measurement, summary)} ({measurement.method})"]
    for name, values in table.items():
        lines += [f"  {name}", *(f"    {line}" for line in _in_lines(values))]
    return lines


def _counted(measurement: Measurement, summary: Summary) -> str:
    """How many samples the summary is of, and of how many processes where there are several."""
    taken, processes = len(measurement.samples), max(1, len(measurement.process_sizes))
    samples = f"{taken} samples" if summary.n == taken else f"{summary.n} of {taken} samples, the others disturbed"
    if processes == 1:
        return samples
    of_all = "" if summary.processes == processes else f"{summary.processes} of "
    return f"{of_all}{processes} processes, {samples}"


def _in_lines(values: tuple[float, ...]) -> list[str]:
    rows = (values[start : start + _SAMPLES_A_LINE] for start in range(0, len(values), _SAMPLES_A_LINE))
    return [" ".join(map(_raw, row)) for row in rows]


def _raw(value: float) -> str:
    """A count to its last digit, a time to the last digit that a clock resolves."""
    return str(int(value)) if value.is_integer() else f"{value:.9g}"
