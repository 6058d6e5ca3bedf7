"""The largest batches that fit a memory limit: what the searches found, a row each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

import pandas as pd

from zoobench.cases import Case
from zoobench.records import CaseRecord, metrics
from zoobench.records.store import StoredRun
from zoobench.report.selection import run_names
from zoobench.report.tables import Column, ColumnKind, Table, render_cut_table

CAPACITY: Final = "capacity"

LACKING: Final = (
    "No capacity was searched for: `python -m zoobench capacity MODEL` finds the largest batch that fits a memory "
    "limit, and `python -m zoobench report RUN RUN` shows its run beside this one."
)

METHOD: Final = """\
A batch fits if one call of it, watched in a process of its own, takes no more than the limit by the allocator's own
count. The largest is found by doubling and bisection, and one image more was tried too. An image adds *bytes an image*
to the *fixed* bytes, by least squares through the trials from batch 2 up. The latency is with the heap kept where the
machine has room for three times the peak, which such a process may take, and else with freed memory given back."""

_COLUMNS = (
    Column("model", "Model"),
    Column("mode", "Mode"),
    Column("precision", "Precision"),
    Column("device", "Device"),
    Column("limit", "Limit", ColumnKind.NUMBER, metrics.BYTES),
    Column("batch", "Largest batch"),
    Column("slope", "Bytes an image", ColumnKind.NUMBER, metrics.BYTES),
    Column("intercept", "Fixed", ColumnKind.NUMBER, metrics.BYTES),
    Column("throughput", "Images/s there", ColumnKind.NUMBER, metrics.PER_SECOND),
    Column("latency", "Latency there", ColumnKind.NUMBER, metrics.SECONDS),
    Column("note", "Why none"),
)


class Frontier(NamedTuple):
    """What one search found. `peaks` are bytes by batch, of trials whose call ended; `fits` is of every trial.

    `batch` is the largest that fits, 0 if none does, None if the search failed.
    """

    run: str
    case: Case
    limit_bytes: float
    batch: int | None
    slope_bytes: float | None
    intercept_bytes: float | None
    latency_s: float | None
    peaks: dict[int, float]
    fits: dict[int, bool]
    note: str

    @property
    def throughput(self) -> float | None:
        """Images a second at the largest batch that fits."""
        return self.batch / self.latency_s if self.batch and self.latency_s else None

    @property
    def name(self) -> str:
        """The model, and the largest batch that fits."""
        return f"{self.case.model.name} {self.batch if self.batch is not None else '(failed)'}"

    @property
    def points(self) -> list[tuple[int, float]]:
        """Batches and their peaks, up to the first that does not fit.

        Where the call of that one did not end, its peak is by the line through the others.
        """
        last = self.too_large
        points = {batch: peak for batch, peak in self.peaks.items() if last is None or batch <= last}
        if last is not None and last not in points and self.slope_bytes is not None:
            points[last] = max(self.limit_bytes, self.slope_bytes * last + (self.intercept_bytes or 0.0))
        return sorted(points.items())

    @property
    def too_large(self) -> int | None:
        """The smallest batch that was tried and does not fit."""
        return min((batch for batch, does_fit in self.fits.items() if not does_fit), default=None)


def collect_frontiers(runs: Sequence[StoredRun]) -> tuple[Frontier, ...]:
    """Every search of these runs, in the order of the records."""
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    of_runs = ((names[stored.run.run_id], record) for stored in runs for record in stored.records)
    return tuple(_frontier(name, record) for name, record in of_runs if _value(record, "memory_limit") is not None)


def panels_of(frontiers: Sequence[Frontier]) -> dict[str, list[Frontier]]:
    """Those that can be drawn beside each other, by the mode and whatever else is not the same in all."""
    drawn = [frontier for frontier in frontiers if frontier.peaks]
    panels: defaultdict[str, list[Frontier]] = defaultdict(list)
    names = [(each.case.mode.value, each.case.precision.value, each.case.device, each.run) for each in drawn]
    varying = [index for index in range(1, 4) if len({name[index] for name in names}) > 1]
    for name, frontier in zip(names, drawn, strict=True):
        panels[" · ".join([name[0], *(name[index] for index in varying)])].append(frontier)
    return dict(panels)


def capacity_table(frontiers: Iterable[Frontier]) -> Table:
    """A row for each search."""
    rows = [_row(frontier) for frontier in frontiers]
    is_of_several = len({row["run"] for row in rows}) > 1
    has_note = any(row["note"] for row in rows)
    columns = tuple(column for column in _COLUMNS if has_note or column.key != "note")
    columns = (Column("run", "Run"), *columns) if is_of_several else columns
    numbers = [column.key for column in columns if column.kind is ColumnKind.NUMBER]
    frame = pd.DataFrame(rows, columns=[column.key for column in columns])
    frame = frame.astype({**dict.fromkeys(numbers, "float64"), "batch": "Int64"})
    return Table(CAPACITY, "Capacity", frame, columns, "No capacity was searched for.")


def render_capacity(frontiers: Sequence[Frontier], *, image: str, most_rows: int, rest: str) -> str:
    """The section of the page: the chart, what it says, and the table; empty if nothing was searched for."""
    if not frontiers:
        return ""
    table = capacity_table(frontiers)
    rows = render_cut_table(table, most_rows=most_rows, rest=rest)
    return "\n\n".join(part for part in (f"## {table.title}", image, METHOD, rows) if part)


def _frontier(run: str, record: CaseRecord) -> Frontier:
    capacity = record.measurement(CAPACITY)
    latency = record.measurement("latency")
    fits = {batch: value > 0 for batch, value in _by_batch(record, CAPACITY)}
    is_none_fitting = capacity is None and record.failure is None
    return Frontier(
        run=run,
        case=record.case,
        limit_bytes=_value(record, "memory_limit") or 0.0,
        batch=int(capacity.samples[0]) if capacity else 0 if is_none_fitting else None,
        slope_bytes=_value(record, "memory_slope"),
        intercept_bytes=_value(record, "memory_intercept"),
        latency_s=median(latency.samples) if latency else None,
        peaks=dict(_by_batch(record, "peak_allocated")),
        fits=fits,
        note=_note(record),
    )


def _value(record: CaseRecord, metric: str) -> float | None:
    found = record.measurement(metric)
    return None if found is None else found.samples[0]


def _by_batch(record: CaseRecord, metric: str) -> Iterator[tuple[int, float]]:
    for breakdown in record.breakdowns:
        if (breakdown.metric, breakdown.by) == (metric, "batch"):
            yield from ((int(batch), value) for batch, value in breakdown.values.items())  # noqa: PD011 - no frame


def _note(record: CaseRecord) -> str:
    if record.failure is not None:
        return f"{record.failure.kind.value}: {record.failure.message}"
    return next((each.reason for each in record.unavailable if each.metric == CAPACITY), "")


def _row(frontier: Frontier) -> dict[str, object]:
    return {
        "run": frontier.run,
        "model": frontier.case.model.name,
        "mode": frontier.case.mode.value,
        "precision": frontier.case.precision.value,
        "device": frontier.case.device,
        "limit": frontier.limit_bytes,
        "batch": frontier.batch,
        "slope": frontier.slope_bytes,
        "intercept": frontier.intercept_bytes,
        "throughput": frontier.throughput,
        "latency": frontier.latency_s,
        "note": frontier.note,
    }
