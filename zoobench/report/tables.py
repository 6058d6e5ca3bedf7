"""The report's tables: what stands in them. How they look is `zoobench.report.text`'s.

A table's frame holds numbers in base units, so that its CSV can be computed with; its columns say what is printed.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from zoobench.cases import NOT_MEASURED, Mode, format_percent, format_quantity
from zoobench.records import VALID, Environment, metrics
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.report.frame import FAILED, OK, THROUGHPUT, UNAVAILABLE
from zoobench.report.selection import CELL, KEY, NAME, SETTING, View, cells, run_names
from zoobench.report.text import markdown_text

# What stands in a table's cells, as plain text: numbers as people read them, nothing escaped yet.


FAILED_CELL = "failed"
UNAVAILABLE_CELL = "n/a"


class Cell(NamedTuple):
    """A text, and whether it is struck because it is not valid: it is still there to be read."""

    text: str
    is_struck: bool = False


def cells_of(frame: pd.DataFrame, column: Column) -> list[Cell]:
    """The column's cells, a row each."""
    if column.kind is ColumnKind.INTERVAL:
        sources = [frame[f"{column.key}{end}"] for end in ("", "_low", "_high", "_status", "_validity")]
        return [_interval_cell(*cell, unit=column.unit) for cell in zip(*sources, strict=True)]
    text_of = _formatter(column)
    return [Cell(text_of(value)) for value in frame[column.key]]


def is_text(frame: pd.DataFrame, column: Column) -> bool:
    """Whether a column is read from its left end; numbers end at the right."""
    return column.kind is ColumnKind.TEXT and not pd.api.types.is_numeric_dtype(frame[column.key])


def format_interval(value: float, low: float, high: float, unit: str) -> str:
    """`12.3 ms ±1.2 %`: the percentage is half the interval's width; without an interval the value alone."""
    text = format_quantity(value, unit)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high or value == 0:
        return text
    return f"{text} ±{format_percent((high - low) / 2 / abs(value))}"


def _interval_cell(value: float, low: float, high: float, status: object, validity: object, *, unit: str) -> Cell:
    if status == OK:
        return Cell(format_interval(value, low, high, unit), is_struck=validity != VALID)
    if status == FAILED:
        return Cell(FAILED_CELL)
    return Cell(UNAVAILABLE_CELL if status == UNAVAILABLE else NOT_MEASURED)


def _formatter(column: Column) -> Callable[[object], str]:
    if column.kind is ColumnKind.TEXT:
        return _text_cell
    return _ratio_cell if column.unit == RATIO else lambda value: format_quantity(_number(value), column.unit)


def _text_cell(value: object) -> str:
    return NOT_MEASURED if value is None or value != value else str(value) or NOT_MEASURED  # noqa: PLR0124


def _ratio_cell(value: object) -> str:
    return format_percent(_number(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


RATIO = "ratio"
_MOST_NAMES = 4


class ColumnKind(enum.Enum):
    """What a column's cells are."""

    TEXT = enum.auto()
    NUMBER = enum.auto()
    INTERVAL = enum.auto()


class Column(NamedTuple):
    """A printed column: the frame's column `key`; what belongs to an interval stands in `key_low` and so on."""

    key: str
    title: str
    kind: ColumnKind = ColumnKind.TEXT
    unit: str = ""


class Table(NamedTuple):
    """A table before it is rendered. `empty` is the sentence that stands for a table without rows."""

    key: str
    title: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    empty: str


def build_tables(view: View, runs: Sequence[StoredRun]) -> tuple[Table, ...]:
    """Every table, in the order of the report."""
    return (
        zoo_summary(view),
        latency(view),
        training(view),
        memory(view),
        failures(view),
        unavailable(view),
        warnings(view),
        environment(runs),
        differences(runs),
    )


def zoo_summary(view: View) -> Table:
    """A row a model: what it is, and what it does at the headline case."""
    point = f" ({view.point})" if view.point else ""
    columns = (
        *_leading(view.rows),
        Column("family", "Family"),
        Column("parameters", "Parameters", ColumnKind.NUMBER, metrics.COUNT),
        Column("macs", "MACs", ColumnKind.NUMBER, metrics.COUNT),
        Column("activations", "Activations", ColumnKind.NUMBER, metrics.COUNT),
        Column("top1_ratio", "Published top-1", ColumnKind.NUMBER, RATIO),
        Column("top1_source", "Top-1 printed by"),
        Column("latency", "Latency", ColumnKind.INTERVAL, metrics.SECONDS),
        Column("throughput", "Images/s", ColumnKind.INTERVAL, metrics.PER_SECOND),
        Column("memory", _memory_title(view), ColumnKind.INTERVAL, metrics.BYTES),
    )
    return _table("zoo", f"Zoo summary{point}", view.models, columns, "No case was recorded.")


def latency(view: View) -> Table:
    """Inference: a row for each model and batch, a column a precision."""
    rows = view.rows[(view.rows["mode"] == Mode.INFER) & (view.rows["metric"] == LATENCY)]
    key = [*KEY, "batch"]
    names = {precision: f"latency_{precision}" for precision in rows["precision"].astype(str).unique()}
    parts = [cells(rows[rows["precision"] == name], LATENCY, key, column) for name, column in names.items()]
    columns = (
        *_leading(view.rows),
        Column("batch", "Batch"),
        *(Column(column, precision, ColumnKind.INTERVAL, metrics.SECONDS) for precision, column in names.items()),
    )
    frame = _joined(rows, key, parts)
    return _table("latency", "Inference latency by batch and precision", frame, columns, "No inference case.")


def training(view: View) -> Table:
    """A training step and its parts: a row for each model, batch and precision."""
    wanted = {
        LATENCY: "Step",
        "forward_latency": "Forward",
        "backward_latency": "Backward",
        "optimizer_latency": "Optimizer",
        THROUGHPUT: "Images/s",
    }
    rows = view.rows[view.rows["mode"] == Mode.TRAIN]
    key = [*KEY, "batch", "precision"]
    columns = (
        *_leading(view.rows),
        Column("batch", "Batch"),
        Column("precision", "Precision"),
        *(_metric_column(metric, title) for metric, title in wanted.items()),
    )
    frame = _joined(rows, key, [cells(rows, metric, key, metric) for metric in wanted])
    return _table("training", "Training step", frame, columns, "No training case.")


def memory(view: View) -> Table:
    """A row for each model, mode, batch and precision, and a column for each memory metric anything was said about."""
    titles = {
        "peak_allocated": "Peak allocated",
        "peak_above_weights": "Peak above weights",
        "peak_reserved": "Peak reserved",
        "process_memory": "Process growth",
    }
    rows = view.rows[view.rows["metric"].isin(list(titles))]
    present = {metric: title for metric, title in titles.items() if (rows["metric"] == metric).any()}
    key = [*KEY, "mode", "batch", "precision"]
    columns = (
        *_leading(view.rows),
        Column("mode", "Mode"),
        Column("batch", "Batch"),
        Column("precision", "Precision"),
        *(_metric_column(metric, title) for metric, title in present.items()),
    )
    frame = _joined(rows, key, [cells(rows, metric, key, metric) for metric in present])
    return _table("memory", "Peak memory", frame, columns, "No memory was measured.")


def failures(view: View) -> Table:
    """A row for each failed case."""
    cases = view.every_row[view.every_row["failure"].notna()].drop_duplicates(["run_id", "case_id"])
    columns = (
        *_leading(view.every_row),
        Column("mode", "Mode"),
        Column("batch", "Batch"),
        Column("precision", "Precision"),
        Column("failure", "Why"),
    )
    return _table("failures", "Failures", cases, columns, "No case failed.")


def warnings(view: View) -> Table:
    """A row for each text of warnings, with how many cases have it and of which models."""
    cases = view.every_row[view.every_row["warnings"].notna()].drop_duplicates(["run_id", "case_id"])
    grouped = cases.groupby([SETTING, "warnings"], observed=True, sort=False)
    frame = grouped.agg(cases=("case_id", "size"), models=(NAME, _list_models)).reset_index()
    columns = (
        *_leading(view.every_row)[:-1],
        Column("warnings", "Warning"),
        Column("cases", "Cases"),
        Column("models", "Models"),
    )
    return _table("warnings", "Warnings", frame, columns, "No case has a warning.")


def unavailable(view: View) -> Table:
    """Metrics that cases cannot have, grouped by reason."""
    rows = view.every_row[view.every_row["status"] == UNAVAILABLE]
    rows = rows[rows["metric"] != THROUGHPUT]
    grouped = rows.groupby([SETTING, "metric", "reason"], observed=True, sort=False)
    frame = grouped.agg(cases=("case_id", "nunique")).reset_index()
    columns = (
        *_leading(view.every_row)[:-1],
        Column("metric", "Metric"),
        Column("reason", "Reason"),
        Column("cases", "Cases"),
    )
    return _table("unavailable", "What could not be measured", frame, columns, "Everything asked for was measured.")


def environment(runs: Sequence[StoredRun]) -> Table:
    """A row for each fact of the environment, a column a run."""
    return _table("environment", "Environment", *_facts(runs), "No run.")


def differences(runs: Sequence[StoredRun]) -> Table:
    """The facts that are not the same in all runs."""
    frame, columns = _facts(runs)
    runs_only = [column.key for column in columns[1:]]
    is_differing = [len(set(facts)) > 1 for facts in frame[runs_only].itertuples(index=False)]
    differing = frame[np.array(is_differing, dtype=bool)]
    only = "Only one run is shown." if len(runs) == 1 else "The environments of the runs are the same."
    return _table("differences", "What differs between the environments", differing, columns, only)


def _facts(runs: Sequence[StoredRun]) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    facts = {stored.run.run_id: dict(_flat(stored.run.environment)) for stored in runs}
    keys = list(dict.fromkeys(key for of_run in facts.values() for key in of_run))
    frame = pd.DataFrame({"fact": keys} | {run: [facts[run].get(key) for key in keys] for run in facts}, dtype=object)
    return frame, (Column("fact", "Fact"), *(Column(run_id, name) for run_id, name in names.items()))


def _flat(environment: Environment) -> Iterable[tuple[str, str]]:
    groups = {
        "host": environment.host,
        "software": environment.software,
        "settings": environment.settings,
        "commit": environment.commit,
    }
    for group, facts in groups.items():
        yield from ((f"{group}: {name}", value) for name, value in facts.items())
    for device in environment.devices:
        where = f"device {device.name}"
        yield f"{where}: model", device.model if device.is_available else f"not available: {device.reason}"
        yield f"{where}: precisions", ", ".join(device.precisions)
        yield f"{where}: native precisions", ", ".join(device.native_precisions)
        yield from ((f"{where}: {name}", value) for name, value in device.facts.items())


def _list_models(names: pd.Series[str]) -> str:
    known = [str(name) for name in names.unique()]
    rest = len(known) - _MOST_NAMES
    return ", ".join(known) if rest <= 1 else f"{', '.join(known[:_MOST_NAMES])} and {rest} more"


def _leading(rows: pd.DataFrame) -> tuple[Column, ...]:
    """The columns that name a row's case: its setting only where there are several."""
    model = Column(NAME, "Model")
    return (Column(SETTING, "Setting"), model) if len(rows[SETTING].cat.categories) > 1 else (model,)


def _metric_column(metric: str, title: str) -> Column:
    return Column(metric, title, ColumnKind.INTERVAL, metrics.find(metric).unit)


def _memory_title(view: View) -> str:
    return {"peak_allocated": "Peak memory", "process_memory": "Process growth"}[view.memory_metric]


def _joined(rows: pd.DataFrame, key: list[str], parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """A row a key, in the order of the frame, with the parts beside each other; without a value in any, no row."""
    keys = rows[key].drop_duplicates().set_index(key)
    beside: list[pd.DataFrame | pd.Series[Any]] = list(parts)
    joined = keys.join(beside) if beside else keys
    return joined.dropna(how="all").reset_index()


def _table(key: str, title: str, frame: pd.DataFrame, columns: tuple[Column, ...], empty: str) -> Table:
    kept = [name for column in columns for name in _sources(column)]
    return Table(key, title, _valid_first(frame[kept], columns).reset_index(drop=True), columns, empty)


def _valid_first(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """Rows of which nothing is valid, though something was measured, come last; else the order stays."""
    validity = frame[[f"{column.key}_validity" for column in columns if column.kind is ColumnKind.INTERVAL]]
    is_last = validity.notna().any(axis=1) & ~(validity == VALID).any(axis=1)
    return frame.loc[is_last.sort_values(kind="stable").index]


def _sources(column: Column) -> tuple[str, ...]:
    beside = CELL if column.kind is ColumnKind.INTERVAL else ()
    return (column.key, *(f"{column.key}_{part}" for part in beside))


# Tables as Markdown: texts are escaped, and what is not valid is struck through.


def render_table(table: Table, *, most_rows: int | None = None) -> str:
    """The table in GitHub's Markdown (its first `most_rows` rows), or the sentence that says why it has no rows."""
    shown = table.frame if most_rows is None else table.frame.head(most_rows)
    if shown.empty:
        return table.empty
    texts = pd.DataFrame({index: _cells(shown, column) for index, column in enumerate(table.columns)})
    return texts.to_markdown(
        index=False,
        headers=[markdown_text(column.title) for column in table.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left" if is_text(shown, column) else "right" for column in table.columns],
    )


def render_cut_table(table: Table, *, most_rows: int, rest: str) -> str:
    """The table's first rows, and a link to `rest`, the file that has all of them, if there are more."""
    text = render_table(table, most_rows=most_rows)
    left_out = len(table.frame) - most_rows
    return text if left_out <= 0 else f"{text}\n\n… and {left_out} rows more in [{rest}]({rest})."


def _cells(frame: pd.DataFrame, column: Column) -> list[str]:
    return [_cell(cell, column) for cell in cells_of(frame, column)]


def _cell(cell: Cell, column: Column) -> str:
    if cell.is_struck:
        return f"~~{cell.text}~~"
    return (markdown_text(cell.text) or NOT_MEASURED) if column.kind is ColumnKind.TEXT else cell.text
