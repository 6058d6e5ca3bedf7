"""Predicted peak memory beside the measured one: how far each prediction is off, and what the peak is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final

import pandas as pd

from zoobench import metrics
from zoobench.cases import Mode
from zoobench.records import Breakdown, CaseRecord
from zoobench.reports.markdown import render_cut_table
from zoobench.reports.selection import run_names
from zoobench.reports.tables import RATIO, Column, Kind, Table
from zoobench.store import StoredRun
from zoobench.units import format_percent

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

_COLUMNS = (
    Column("model", "Model"),
    Column("mode", "Mode"),
    Column("batch", "Batch"),
    Column("precision", "Precision"),
    Column("predicted", "Predicted", Kind.NUMBER, metrics.BYTES),
    Column("measured", "Measured", Kind.NUMBER, metrics.BYTES),
    Column("error_ratio", "Error", Kind.NUMBER, RATIO),
    *(Column(key, title, Kind.NUMBER, metrics.BYTES) for key, title in _PARTS.items()),
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
    rows = [{"run": names[stored.run.run_id], **row} for stored in runs for row in _rows(stored.records)]
    columns = (Column("run", "Run"), *_COLUMNS) if len(runs) > 1 else _COLUMNS
    numbers = [column.key for column in _COLUMNS if column.kind is Kind.NUMBER]
    keys = [column.key for column in columns]
    frame = pd.DataFrame(rows, columns=["run", *(column.key for column in _COLUMNS)])
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    return Table("predicted", "Predicted memory", frame[keys], columns, "No peak was both predicted and measured.")


def render_predicted(runs: Sequence[StoredRun], *, most_rows: int, rest: str) -> str:
    """The section of the page: the summary, then the table; empty if nothing was predicted."""
    table = predicted_table(runs)
    if table.frame.empty:
        return ""
    rows = render_cut_table(table, most_rows=most_rows, rest=rest)
    return "\n\n".join([f"## {table.title}", " ".join(_summary(table.frame)), METHOD, rows])


def _rows(records: Iterable[CaseRecord]) -> Iterator[dict[str, object]]:
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
