"""Predicted peak memory beside the measured one: how far each prediction is off, and what the peak is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

import pandas as pd

from zoobench.cases import Mode, format_percent
from zoobench.records import Breakdown, CaseRecord, metrics
from zoobench.records.comparison import Comparison
from zoobench.records.store import StoredRun
from zoobench.report.audit import audit_table
from zoobench.report.capacity import Frontier, capacity_table, collect_frontiers
from zoobench.report.changes import changes_table, compare_ends, exact_changes_table
from zoobench.report.frame import collect_frame
from zoobench.report.reproduction import claims_table, reproduction_table
from zoobench.report.selection import View, run_names, view_of
from zoobench.report.tables import RATIO, Column, ColumnKind, Table, build_tables, render_cut_table
from zoobench.report.why import Why, explain
from zoobench.stats.calibration import CalibrationReading, read_figures
from zoobench.stats.findings import text_of

PREDICTED: Final = "predicted_peak"
MEASURED: Final = "peak_allocated"

_PARTS: Final = {
    "weights": "Weights",
    "inputs": "Pictures and targets",
    "gradients": "Gradients",
    "optimizer-state": "Optimizer",
    "saved-activations": "Saved activations",
    "temporaries": "Temporaries",
    "workspace": "Workspace",
}
"""Categories of `zoobench.counting.memory` and what they are called here."""

_PREDICTED_COLUMNS = (
    Column("model", "Model"),
    Column("mode", "Mode"),
    Column("batch", "Batch"),
    Column("precision", "Precision"),
    Column("predicted", "Predicted", ColumnKind.NUMBER, metrics.BYTES),
    Column("measured", "Measured", ColumnKind.NUMBER, metrics.BYTES),
    Column("error_ratio", "Error", ColumnKind.NUMBER, RATIO),
    *(Column(key, title, ColumnKind.NUMBER, metrics.BYTES) for key, title in _PARTS.items()),
    Column("place", "Peak in"),
)

METHOD: Final = """\
The prediction is of the same call on tensors without data: what lives at the peak, and what is known of the kernels'
own buffers (*workspace*). Measured is by the allocator's own events. The error is predicted over measured, less 1."""

_PLACE = "peak in "
"""How the clause of a prediction's method begins that says where the peak stands."""


def predicted_table(runs: Sequence[StoredRun]) -> Table:
    """A row for each case whose peak was predicted and measured, in the order of the records."""
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    rows = [{"run": names[stored.run.run_id], **row} for stored in runs for row in _predicted_rows(stored.records)]
    columns = (Column("run", "Run"), *_PREDICTED_COLUMNS) if len(runs) > 1 else _PREDICTED_COLUMNS
    numbers = [column.key for column in _PREDICTED_COLUMNS if column.kind is ColumnKind.NUMBER]
    keys = [column.key for column in columns]
    frame = pd.DataFrame(rows, columns=["run", *(column.key for column in _PREDICTED_COLUMNS)])
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    return Table("predicted", "Predicted memory", frame[keys], columns, "No peak was both predicted and measured.")


def render_predicted(runs: Sequence[StoredRun], *, most_rows: int, rest: str) -> str:
    """The section of the page: the summary, then the table; empty if nothing was predicted."""
    table = predicted_table(runs)
    if table.frame.empty:
        return ""
    rows = render_cut_table(table, most_rows=most_rows, rest=rest)
    return "\n\n".join([f"## {table.title}", " ".join(_summary(table.frame)), METHOD, rows])


def _predicted_rows(records: Iterable[CaseRecord]) -> Iterator[dict[str, object]]:
    for record in records:
        predicted, measured = record.measurement(PREDICTED), record.measurement(MEASURED)
        if predicted is None or measured is None:
            continue
        yield {
            "model": record.case.model.name,
            "mode": record.case.mode.value,
            "batch": record.case.batch,
            "precision": record.case.precision.value,
            "predicted": predicted.samples[0],
            "measured": measured.samples[0],
            "error_ratio": predicted.samples[0] / measured.samples[0] - 1,
            **_parts(record.breakdowns),
            "place": _place(predicted.method),
        }


def _parts(breakdowns: Iterable[Breakdown]) -> Mapping[str, float]:
    of_peak = (each.values for each in breakdowns if (each.metric, each.by) == (PREDICTED, "category"))  # noqa: PD011
    values = next(of_peak, None)
    return {} if values is None else {part: values.get(part, 0.0) for part in _PARTS}


def _place(method: str) -> str:
    clauses = (clause for clause in method.split("; ") if clause.startswith(_PLACE))
    return next(clauses, "").removeprefix(_PLACE)


def _summary(frame: pd.DataFrame) -> Iterator[str]:
    """One sentence a mode: how far off the predictions are, and which one most."""
    for mode, verb in ((Mode.INFER, "inference"), (Mode.TRAIN, "a training step")):
        of_mode = frame[frame["mode"] == mode.value]
        if of_mode.empty:
            continue
        errors = of_mode["error_ratio"].abs()
        worst = of_mode.iloc[int(errors.to_numpy().argmax())]
        yield (
            f"Of {len(of_mode)} peaks of {verb}, half are predicted within {format_percent(median(errors), digits=2)}; "
            f"farthest off is {worst['model']} at batch {worst['batch']} in {worst['precision']}, by "
            f"{format_percent(worst['error_ratio'], digits=2)}."
        )


# What `zoobench doctor` found where the runs were measured: the headline figures, and whatever is to be changed.


GOOD = "good"

_EMPTY = "No run has a calibration of its machine: `python -m zoobench doctor` makes one, which later runs carry."
_CALIBRATION_COLUMNS = (
    Column("run", "Run"),
    Column("made_at", "Calibrated"),
    Column("device", "Device"),
    Column("figure", "Figure"),
    Column("value", "Value"),
    Column("advice", "What to change"),
)


def calibration_table(runs: Sequence[StoredRun]) -> Table:
    """A row for each headline figure, and for each other one that has a finding, of each run."""
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    keys = [column.key for column in _CALIBRATION_COLUMNS]
    frame = pd.DataFrame(_calibration_rows(runs, names), columns=keys, dtype=object)
    columns = _CALIBRATION_COLUMNS if len(runs) > 1 else _CALIBRATION_COLUMNS[1:]
    return Table("calibration", "Calibration of the machine", frame, columns, _EMPTY)


def _calibration_rows(runs: Sequence[StoredRun], names: dict[str, str]) -> Iterable[tuple[str, ...]]:
    for stored in runs:
        made = stored.run.environment.calibration
        if made is None:
            continue
        for reading in read_figures(made):
            if reading.is_headline or reading.findings:
                yield (
                    names[stored.run.run_id],
                    made.made_at,
                    made.facts.get("device", ""),
                    reading.title,
                    reading.text,
                    _advice(reading),
                )


def _advice(reading: CalibrationReading) -> str:
    return GOOD if reading.is_good else "; ".join(map(text_of, reading.findings))


# All that a report is made from, each part once: the Markdown, the page and the files show the same tables.


class ReportData(NamedTuple):
    """`listed` are the tables that the Markdown lists, in order; `beside` those of sections of their own.

    `comparison` is of the first and the last run, None of a single one.
    """

    runs: tuple[StoredRun, ...]
    frame: pd.DataFrame
    view: View
    why: Why
    frontiers: tuple[Frontier, ...]
    comparison: Comparison | None
    listed: tuple[Table, ...]
    beside: tuple[Table, ...]

    @property
    def tables(self) -> Mapping[str, Table]:
        """Every table, by its key."""
        return {table.key: table for table in (*self.listed, *self.beside)}


def collect_report_data(runs: Iterable[StoredRun]) -> ReportData:
    """The frame of these runs, and what follows from it."""
    read = tuple(runs)
    frame = collect_frame(read)
    view = view_of(frame)
    why = explain(view, read)
    frontiers = tuple(collect_frontiers(read))
    comparison = compare_ends(read)
    return ReportData(
        runs=read,
        frame=frame,
        view=view,
        why=why,
        frontiers=frontiers,
        comparison=comparison,
        listed=(*build_tables(view, read), calibration_table(read)),
        beside=(
            *(why.pairs, why.elsewhere, why.diagnoses),
            capacity_table(frontiers),
            *(predicted_table(read), audit_table(read), reproduction_table(read), claims_table(read)),
            *(changes_table(comparison), exact_changes_table(comparison)),
        ),
    )
