"""What `zoobench doctor` found where the runs were measured: the headline figures, and whatever is to be changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from zoobench.calibration import Reading, read_figures
from zoobench.findings import text_of
from zoobench.reports.selection import run_names
from zoobench.reports.tables import Column, Table
from zoobench.store import StoredRun

GOOD = "good"

_EMPTY = "No run has a calibration of its machine: `python -m zoobench doctor` makes one, which later runs carry."
_COLUMNS = (
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
    keys = [column.key for column in _COLUMNS]
    frame = pd.DataFrame(_rows(runs, names), columns=keys, dtype=object)
    columns = _COLUMNS if len(runs) > 1 else _COLUMNS[1:]
    return Table("calibration", "Calibration of the machine", frame, columns, _EMPTY)


def _rows(runs: Sequence[StoredRun], names: dict[str, str]) -> Iterable[tuple[str, ...]]:
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


def _advice(reading: Reading) -> str:
    return GOOD if reading.is_good else "; ".join(map(text_of, reading.findings))
