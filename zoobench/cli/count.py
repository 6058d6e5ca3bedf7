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

from zoobench.cases import Matrix, Mode, catalogue, parse_choice, parse_image_size, parse_positive
from zoobench.cases.catalogue import EVERYTHING, Entry
from zoobench.cases.errors import BadInputError
from zoobench.cases.units import NOT_MEASURED, format_bytes, format_count

if TYPE_CHECKING:
    from zoobench.counting import Counts, Group
    from zoobench.measure.worker.count_report import Question, Tally

Cell = str | int | float | None
Row = dict[str, Cell]


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
        str | None, typer.Option(metavar="N|HxW", help="pixels of the pictures (default: each model's own)")
    ] = None,
    batch: Annotated[int, typer.Option(help="pictures a call")] = 1,
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
    if question.picture:
        for entry in entries:  # all of them before the first is built
            catalogue.check_image_size(entry, question.picture)
    tallies = list(_tallies(entries, question))
    if tallies:
        typer.echo(_render(tallies, form), nl=False)
    if len(tallies) < len(entries):
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


def _question(image_size: str | None, batch: int, mode: str, by: str | None, depth: int | None) -> Question:
    """The options; mistakes in all but the breakdown are found before torch is imported."""
    picture = parse_image_size(image_size) if image_size else None
    parse_positive("batch size", str(batch))
    chosen_mode = parse_choice("mode", mode, Mode)

    from zoobench.counting import By  # noqa: PLC0415 - torch
    from zoobench.measure.worker.count_report import Question  # noqa: PLC0415 - torch

    chosen_by = parse_choice("breakdown", by, By) if by else By.MODULE if depth is not None else None
    if depth is not None and chosen_by is not By.MODULE:
        raise BadInputError(f"--depth is of modules, and does not go with --by {by}")
    return Question(picture=picture, batch=batch, mode=chosen_mode, by=chosen_by, depth=depth)


def _tallies(entries: Sequence[Entry], question: Question) -> Iterator[Tally]:
    """What can be counted; why the rest cannot goes to standard error."""
    from zoobench.measure.worker.count_report import NoTallyError, tally  # noqa: PLC0415 - torch

    for number, entry in enumerate(entries, start=1):
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K[{number}/{len(entries)}] {entry.name}\r", nl=False, err=True)
        try:
            yield tally(entry, question)
        except NoTallyError as error:
            typer.echo(f"zoobench: {error}", err=True)
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", nl=False, err=True)


def _render(tallies: Sequence[Tally], form: Form) -> str:
    if form is Form.JSON:
        return json.dumps([_document(tally) for tally in tallies], indent=2) + "\n"
    if form is Form.CSV:
        return _csv([row for tally in tallies for row in _rows(tally)])
    return "\n".join(_text(tallies))


def _document(tally: Tally) -> dict[str, Any]:
    """All that is known of one model, its parts inside."""
    parts = [
        _part(group) | _work(group.counts) | {"uncounted": msgspec.to_builtins(group.counts.uncounted)}
        for group in tally.groups
    ]
    return _whole(tally) | {"uncounted": msgspec.to_builtins(tally.counts.uncounted), "parts": parts}


def _rows(tally: Tally) -> list[Row]:
    """One row a part, or one for the whole."""
    if not tally.groups:
        return [_whole(tally) | _uncounted_calls(tally.counts)]
    head = _head(tally)
    return [head | _part(group) | _work(group.counts) | _uncounted_calls(group.counts) for group in tally.groups]


def _whole(tally: Tally) -> Row:
    counter = f"{tally.counts.counter} {tally.counts.counter_version}"
    state: Row = msgspec.to_builtins(tally.state)
    return _head(tally) | state | _work(tally.counts) | _memory(tally) | {"counter": counter}


def _memory(tally: Tally) -> Row:
    """Bytes at the predicted peak, in all and by what they are for, and the layer at work then."""
    peak = tally.peak
    if peak is None:
        return {"predicted_peak_bytes": None, "predicted_peak_layer": None, **dict.fromkeys(_CATEGORIES)}
    amounts = {category.value: amount for category, amount in peak.bytes_by_category.items()}
    parts = {column: amounts.get(category, 0) for column, category in _CATEGORIES.items()}
    return {"predicted_peak_bytes": peak.total_bytes, "predicted_peak_layer": peak.path, **parts}


def _head(tally: Tally) -> Row:
    return {"model": tally.model, "image_size": tally.image_size, "batch": tally.batch, "mode": tally.mode.value}


def _part(group: Group) -> Row:
    return {"part": group.name, "calls": group.calls}


def _uncounted_calls(counts: Counts) -> Row:
    return {"uncounted_calls": " ".join(f"{name}={left_out.calls}" for name, left_out in counts.uncounted.items())}


def _work(counts: Counts) -> Row:
    return {
        "macs": counts.macs,
        "flops": counts.flops,
        "activations": counts.activations,
        "elements_written": counts.elements_written,
        "bytes_read": counts.bytes_read,
        "bytes_written": counts.bytes_written,
        "flops_per_byte": counts.intensity,
    }


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _text(tallies: Sequence[Tally]) -> Iterator[str]:
    """Tables for people: one of all models, or one of each with its parts."""
    broken_down = [tally for tally in tallies if tally.groups]
    if not broken_down:
        yield _table([_readable_total(tally) for tally in tallies])
    for tally in broken_down:
        size = f"{tally.batch} × {tally.image_size}"
        yield f"{tally.model}, {tally.mode.value}, {size}, {tally.state.parameters:,} parameters{_peak_text(tally)}"
        yield _table([_readable_part(group.name, group.calls, group.counts) for group in tally.groups])
    yield "\n".join(_footnotes(tallies)) + "\n"


def _peak_text(tally: Tally) -> str:
    if tally.peak is None:
        return ""
    return f", peak memory {format_bytes(tally.peak.total_bytes)} in {tally.peak.path or 'no layer'}"


def _readable_total(tally: Tally) -> dict[str, str]:
    return {
        "model": tally.model,
        "pictures": f"{tally.batch} × {tally.image_size}",
        "parameters": f"{tally.state.parameters:,}",
        **_readable_work(tally.counts),
        "peak memory": NOT_MEASURED if tally.peak is None else format_bytes(tally.peak.total_bytes),
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


def _footnotes(tallies: Sequence[Tally]) -> Iterator[str]:
    first = tallies[0].counts
    yield f"counted by {first.counter} {first.counter_version}: multiply-accumulates of convolutions and products"
    yield from (f"no peak memory of {tally.model}: {tally.no_peak}" for tally in tallies if tally.no_peak)
    yield f"in no MACs: {_left_out(tally.counts for tally in tallies) or 'nothing'}"


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
