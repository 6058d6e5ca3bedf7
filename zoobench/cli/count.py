"""`zoobench count`: what models cost by their shapes alone, in total or by module, operator or kind of layer."""

from __future__ import annotations

import csv
import enum
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from zoobench.cases import (
    NOT_MEASURED,
    BadInputError,
    Matrix,
    Mode,
    catalogue,
    format_bytes,
    format_count,
    parse_choice,
    parse_image_size,
    parse_positive,
)
from zoobench.cases.catalogue import EVERYTHING, Entry

if TYPE_CHECKING:
    from zoobench.counting import Counts, Group
    from zoobench.measure.worker.count_report import CountReport, CountRequest

CountCell = str | int | float | None
CountRow = dict[str, CountCell]


_CATEGORIES = {
    "peak_weights_bytes": "weights",
    "peak_inputs_bytes": "inputs",
    "peak_gradients_bytes": "gradients",
    "peak_optimizer_bytes": "optimizer-state",
    "peak_saved_bytes": "saved-activations",
    "peak_temporaries_bytes": "temporaries",
    "peak_workspace_bytes": "workspace",
}
"""Columns and what they hold (`zoobench.counting.memory.Category`); torch is not imported for them."""


class Form(enum.StrEnum):
    """How the numbers are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def count(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="names or patterns of `zoobench list`, or package.module:factory"),
    ] = None,
    *,
    image_size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="pixels of the images (default: each model's own)")
    ] = None,
    batch: Annotated[int, typer.Option(help="images a call")] = 1,
    mode: Annotated[str, typer.Option(help="infer, or train: forward and backward")] = Mode.INFER.value,
    by: Annotated[str | None, typer.Option(help="break down by module, operator or kind of layer")] = None,
    depth: Annotated[int | None, typer.Option(min=0, help="how deep the modules go; implies --by module")] = None,
    every: Annotated[bool, typer.Option("--all", help="every model of the zoo")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="write JSON")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="write CSV")] = False,
) -> None:
    """Count parameters, multiply-accumulates, activations, bytes and memory of models, without running them.

    A model that cannot be counted is named with the reason on standard error; the exit code is then 1.
    """
    form = _form(as_json=as_json, as_csv=as_csv)
    entries = _entries(models or [], every=every)
    question = _question(image_size, batch, mode, by, depth)
    if question.resolution:
        for entry in entries:  # all of them before the first is built
            catalogue.check_image_size(entry, question.resolution)
    reports = list(_reports(entries, question))
    if reports:
        typer.echo(_render(reports, form), nl=False)
    if len(reports) < len(entries):
        raise typer.Exit(1)


def _form(*, as_json: bool, as_csv: bool) -> Form:
    if as_json and as_csv:
        raise BadInputError("--json and --csv were both given: choose one")
    return Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE


def _entries(models: Sequence[str], *, every: bool) -> tuple[Entry, ...]:
    if every and models:
        raise BadInputError("models and --all were both given: choose one")
    if not every and not models:
        raise BadInputError("no model was named: `python -m zoobench list` prints the names, --all counts every one")
    return catalogue.select(Matrix(models=(EVERYTHING,) if every else tuple(models)))


def _question(image_size: str | None, batch: int, mode: str, by: str | None, depth: int | None) -> CountRequest:
    """The options; mistakes in all but the breakdown are found before torch is imported."""
    resolution = parse_image_size(image_size) if image_size else None
    parse_positive("batch size", str(batch))
    chosen_mode = parse_choice("mode", mode, Mode)

    from zoobench.counting import By  # noqa: PLC0415 - torch
    from zoobench.measure.worker.count_report import CountRequest  # noqa: PLC0415 - torch

    chosen_by = parse_choice("breakdown", by, By) if by else By.MODULE if depth is not None else None
    if depth is not None and chosen_by is not By.MODULE:
        raise BadInputError(f"--depth is of modules, and does not go with --by {by}")
    return CountRequest(resolution=resolution, batch=batch, mode=chosen_mode, by=chosen_by, depth=depth)


def _reports(entries: Sequence[Entry], question: CountRequest) -> Iterator[CountReport]:
    """What can be counted; why the rest cannot goes to standard error."""
    from zoobench.measure.worker.count_report import NoCountError, count_model  # noqa: PLC0415 - torch

    for number, entry in enumerate(entries, start=1):
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K[{number}/{len(entries)}] {entry.name}\r", nl=False, err=True)
        try:
            yield count_model(entry, question)
        except NoCountError as error:
            typer.echo(f"zoobench: {error}", err=True)
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", nl=False, err=True)


def _render(reports: Sequence[CountReport], form: Form) -> str:
    if form is Form.JSON:
        return json.dumps([_document(report) for report in reports], indent=2) + "\n"
    if form is Form.CSV:
        return _csv([row for report in reports for row in _rows(report)])
    return "\n".join(_text(reports))


def _document(report: CountReport) -> dict[str, Any]:
    """All that is known of one model, its parts inside."""
    parts = [
        _part(group) | _work(group.counts) | {"uncounted": msgspec.to_builtins(group.counts.uncounted)}
        for group in report.groups
    ]
    return _whole(report) | {"uncounted": msgspec.to_builtins(report.counts.uncounted), "parts": parts}


def _rows(report: CountReport) -> list[CountRow]:
    """One row a part, or one for the whole."""
    if not report.groups:
        return [_whole(report) | _uncounted_calls(report.counts)]
    head = _head(report)
    return [head | _part(group) | _work(group.counts) | _uncounted_calls(group.counts) for group in report.groups]


def _whole(report: CountReport) -> CountRow:
    counter = f"{report.counts.counter} {report.counts.counter_version}"
    state: CountRow = msgspec.to_builtins(report.state)
    return _head(report) | state | _work(report.counts) | _memory(report) | {"counter": counter}


def _memory(report: CountReport) -> CountRow:
    """Bytes at the predicted peak, in all and by what they are for, and the layer at work then."""
    peak = report.peak
    if peak is None:
        return {"predicted_peak_bytes": None, "predicted_peak_layer": None, **dict.fromkeys(_CATEGORIES)}
    amounts = {category.value: amount for category, amount in peak.bytes_by_category.items()}
    parts = {column: amounts.get(category, 0) for column, category in _CATEGORIES.items()}
    return {"predicted_peak_bytes": peak.total_bytes, "predicted_peak_layer": peak.path, **parts}


def _head(report: CountReport) -> CountRow:
    return {"model": report.model, "image_size": report.image_size, "batch": report.batch, "mode": report.mode.value}


def _part(group: Group) -> CountRow:
    return {"part": group.name, "calls": group.calls}


def _uncounted_calls(counts: Counts) -> CountRow:
    return {"uncounted_calls": " ".join(f"{name}={left_out.calls}" for name, left_out in counts.uncounted.items())}


def _work(counts: Counts) -> CountRow:
    return {
        "macs": counts.macs,
        "flops": counts.flops,
        "activations": counts.activations,
        "elements_written": counts.elements_written,
        "bytes_read": counts.bytes_read,
        "bytes_written": counts.bytes_written,
        "flops_per_byte": counts.intensity,
    }


def _csv(rows: Sequence[CountRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _text(reports: Sequence[CountReport]) -> Iterator[str]:
    """Tables for people: one of all models, or one of each with its parts."""
    broken_down = [report for report in reports if report.groups]
    if not broken_down:
        yield _table([_readable_total(report) for report in reports])
    for report in broken_down:
        size = f"{report.batch} × {report.image_size}"
        yield f"{report.model}, {report.mode.value}, {size}, {report.state.parameters:,} parameters{_peak_text(report)}"
        yield _table([_readable_part(group.name, group.calls, group.counts) for group in report.groups])
    yield "\n".join(_footnotes(reports)) + "\n"


def _peak_text(report: CountReport) -> str:
    if report.peak is None:
        return ""
    return f", peak memory {format_bytes(report.peak.total_bytes)} in {report.peak.path or 'no layer'}"


def _readable_total(report: CountReport) -> dict[str, str]:
    return {
        "model": report.model,
        "pictures": f"{report.batch} × {report.image_size}",
        "parameters": f"{report.state.parameters:,}",
        **_readable_work(report.counts),
        "peak memory": NOT_MEASURED if report.peak is None else format_bytes(report.peak.total_bytes),
    }


def _readable_part(name: str, calls: int, counts: Counts) -> dict[str, str]:
    return {"part": name or "(model)", "calls": str(calls), **_readable_work(counts)}


def _readable_work(counts: Counts) -> dict[str, str]:
    return {
        "MACs": f"{counts.macs:,}",
        "activations": format_count(counts.activations),
        "read": format_bytes(counts.bytes_read),
        "written": format_bytes(counts.bytes_written),
        "FLOPs/byte": NOT_MEASURED if counts.intensity is None else f"{counts.intensity:.1f}",
    }


def _footnotes(reports: Sequence[CountReport]) -> Iterator[str]:
    first = reports[0].counts
    yield f"counted by {first.counter} {first.counter_version}: multiply-accumulates of convolutions and products"
    yield from (f"no peak memory of {report.model}: {report.no_peak}" for report in reports if report.no_peak)
    yield f"in no MACs: {_left_out(report.counts for report in reports) or 'nothing'}"


def _left_out(all_counts: Iterable[Counts]) -> str:
    calls: dict[str, int] = {}
    for counts in all_counts:
        for name, uncounted in counts.uncounted.items():
            calls[name] = calls.get(name, 0) + uncounted.calls
    return ", ".join(f"{name} × {number}" for name, number in sorted(calls.items()))


def _table(rows: Sequence[dict[str, str]]) -> str:
    from tabulate import tabulate  # noqa: PLC0415

    texts = {"model", "part", "pictures"}
    aligned = ["left" if column in texts else "right" for column in rows[0]]
    return tabulate(rows, headers="keys", tablefmt="simple", colalign=aligned, disable_numparse=True) + "\n"
