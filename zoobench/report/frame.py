"""From stored runs to one tidy table: a row for each run, case and metric. The waist's records end here.

Nothing is dropped: what a case cannot have is a row with status `unavailable`, what a failed case did not reach is a
row with status `failed`, each with its reason. Values are medians in the metric's base unit (see
`zoobench.records.metrics`).
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from zoobench.cases import AXIS_COLUMNS, Mode, axis_columns, catalogue
from zoobench.records import (
    VALID,
    CaseRecord,
    Failure,
    Finding,
    Measurement,
    RunRecord,
    Severity,
    Unavailable,
    metrics,
    validity_of,
)
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.stats import findings
from zoobench.stats.interference import causes
from zoobench.stats.summaries import summary_of

OK = "ok"
UNAVAILABLE = "unavailable"
FAILED = "failed"
STATUSES = (OK, UNAVAILABLE, FAILED)

THROUGHPUT = "throughput"
DEVICE_TIME = "device_time"
LAUNCH_BOUND = "launch_bound_ratio"

TIMED_METRICS = (LATENCY, "host_latency", "forward_latency", "backward_latency", "optimizer_latency")
"""What the same rounds tell, and so what stands against one of them stands against all."""

EXPECTED_METRICS = {
    Mode.INFER: (LATENCY, "peak_allocated"),
    Mode.TRAIN: (LATENCY, "forward_latency", "backward_latency", "optimizer_latency", "peak_allocated"),
}
"""What every case of a mode is measured for: a failed case has a row for each of these it did not reach."""


_CASE_COLUMNS = (
    "run_id",
    "label",
    "case_id",
    "source",
    "model",
    "family",
    *AXIS_COLUMNS,
    "is_native_size",
    "is_planned",
    "top1_ratio",
    "top1_source",
    "duration_s",
    "in_calls_s",
    "failure",
    "findings",
    "warnings",
)


class _MetricRow(NamedTuple):
    metric: str
    status: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    blocks: int = 0
    processes: int = 0
    validity: str | None = None
    reason: str | None = None
    method: str | None = None
    page_faults: float = np.nan
    disturbed_ratio: float = np.nan


_NUMBERS = {
    **{column: "int64" for column, is_number in AXIS_COLUMNS.items() if is_number},
    "is_native_size": "bool",
    "is_planned": "bool",
    "top1_ratio": "float64",
    "duration_s": "float64",
    "in_calls_s": "float64",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "int64",
    "blocks": "int64",
    "processes": "int64",
    "disturbed_ratio": "float64",
    "page_faults": "float64",
}
COLUMNS = (*_CASE_COLUMNS, _MetricRow._fields[0], "unit", *_MetricRow._fields[1:])


def collect_frame(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """Every measurement of every case of every run, one row each, in the order they were measured.

    `value` is the median, `low` and `high` its interval (see `zoobench.stats.estimates`, missing where the samples are
    too few), `n` the number of samples it is of, `blocks` that of their blocks and `processes` that of their processes
    (the replicates where there are several, or else the blocks), `page_faults` the median per call,
    `disturbed_ratio` the share of rounds that something disturbed. `validity` is `valid` or what stands against a value
    (see `zoobench.records`); what does not depend on time is always valid. `reason` says why a row has no value;
    `failure`, `findings` and `warnings` speak of the whole case. Text columns are categorical; what is absent is
    missing.
    """
    cases: list[tuple[object, ...]] = []
    rows: list[_MetricRow] = []
    counts: list[int] = []
    entry_of = functools.cache(catalogue.entry_of)
    for stored in runs:
        for record in stored.records:
            of_case = list(_metric_rows(record))
            cases.append(_case_row(stored.run, record, entry_of(record.case.model)))
            counts.append(len(of_case))
            rows.extend(of_case)
    return _join(_typed(cases, _CASE_COLUMNS), _typed(rows, _MetricRow._fields), counts)


def _join(cases: pd.DataFrame, rows: pd.DataFrame, counts: list[int]) -> pd.DataFrame:
    """Each case's columns beside each of its rows: only the codes of the categories are repeated."""
    repeated = cases.iloc[np.repeat(np.arange(len(cases)), counts)].reset_index(drop=True)
    rows["unit"] = rows["metric"].map(_unit_of).astype("category")
    return pd.concat([repeated, rows], axis=1)[list(COLUMNS)]


def _typed(rows: Sequence[tuple[object, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pd.DataFrame({name: _column(name, column) for name, column in zip(columns, values, strict=True)})


def _column(name: str, values: Iterable[object]) -> pd.Series[float] | pd.Series[str]:
    if name in _NUMBERS:
        return pd.Series(np.array(values, dtype=_NUMBERS[name]))
    known = dict.fromkeys(value for value in values if value is not None)
    codes = {value: code for code, value in enumerate(known)}
    codes[None] = -1
    return pd.Series(
        pd.Categorical.from_codes([codes[value] for value in values], categories=pd.Index(list(known), dtype="str"))
    )


def _case_row(run: RunRecord, record: CaseRecord, entry: catalogue.Entry) -> tuple[object, ...]:
    """The values of `_CASE_COLUMNS`."""
    case = record.case
    row: dict[str, object] = {
        "run_id": run.run_id,
        "label": run.label,
        "case_id": case.id,
        "source": case.model.source,
        "model": case.model.name,
        "family": entry.family,
        **axis_columns(case),
        "is_native_size": case.resolution == (entry.image_size, entry.image_size),
        "is_planned": record.is_planned,
        "top1_ratio": entry.top1_ratio,
        "top1_source": entry.top1_source or None,
        "duration_s": record.duration_s,
        "in_calls_s": record.in_calls_s,
        "failure": _failure_text(record.failure) if record.failure else None,
        "findings": _joined(record.findings),
        "warnings": _joined(finding for finding in record.findings if finding.severity is Severity.WARNING),
    }
    return tuple(row[column] for column in _CASE_COLUMNS)


def _metric_rows(record: CaseRecord) -> Iterator[_MetricRow]:
    validity = validity_of(record.findings)
    rows = [_measured(measurement, validity) for measurement in record.measurements]
    rows += [_absent(unavailable) for unavailable in record.unavailable]
    present = {row.metric for row in rows}
    if record.failure:
        reason = _failure_text(record.failure)
        expected = EXPECTED_METRICS[record.case.mode]
        rows += [_MetricRow(metric, FAILED, reason=reason) for metric in expected if metric not in present]
    yield from rows
    latency = next((row for row in rows if row.metric == LATENCY), None)
    if latency is not None and THROUGHPUT not in present:
        yield _throughput(latency, record.case.batch)
    device_time = next((row for row in rows if row.metric == DEVICE_TIME), None)
    if latency is not None and device_time is not None and LAUNCH_BOUND not in present:
        yield from _launch_bound(latency, device_time)


def _measured(measurement: Measurement, validity_of_times: str) -> _MetricRow:
    summary = summary_of(measurement)
    faults = measurement.covariates.get(findings.PAGE_FAULTS)
    return _MetricRow(
        metric=measurement.metric,
        status=OK,
        value=summary.median,
        low=np.nan if summary.low is None else summary.low,
        high=np.nan if summary.high is None else summary.high,
        n=summary.n,
        blocks=summary.blocks,
        processes=summary.processes,
        validity=validity_of_times if measurement.metric in TIMED_METRICS else VALID,
        method=measurement.method,
        page_faults=np.nan if faults is None else statistics.median(faults) / measurement.calls_per_sample,
        disturbed_ratio=_disturbed_ratio(measurement),
    )


def _disturbed_ratio(measurement: Measurement) -> float:
    if not measurement.covariates:
        return np.nan
    found = causes(measurement.samples, measurement.covariates)
    return sum(cause is not None for cause in found) / len(found)


def _absent(unavailable: Unavailable) -> _MetricRow:
    return _MetricRow(unavailable.metric, UNAVAILABLE, reason=unavailable.reason)


def _throughput(latency: _MetricRow, batch: int) -> _MetricRow:
    """Images a second. The slowest call is the lowest throughput, so the interval's ends change places.

    An interval widened for correlation may reach down to no time at all: then nothing bounds the throughput.
    """
    if latency.status != OK:
        return latency._replace(metric=THROUGHPUT)
    if latency.value <= 0:
        return _MetricRow(THROUGHPUT, UNAVAILABLE, reason="the clock saw no time pass during a call")
    return latency._replace(
        metric=THROUGHPUT,
        value=batch / latency.value,
        low=batch / latency.high,
        high=np.inf if latency.low <= 0 else batch / latency.low,
        method="batch / latency",
        page_faults=np.nan,
    )


def _launch_bound(latency: _MetricRow, device_time: _MetricRow) -> Iterator[_MetricRow]:
    """1 − device_time ÷ latency, where both are measured; a little below 0 where only their noise tells them apart.

    The interval's ends are those of the worst case: the longest device time in the shortest call, and the other way.
    """
    if {latency.status, device_time.status} == {OK} and latency.value > 0:
        yield device_time._replace(
            metric=LAUNCH_BOUND,
            value=1 - device_time.value / latency.value,
            low=1 - device_time.high / latency.low if latency.low > 0 else np.nan,
            high=1 - device_time.low / latency.high if latency.high > 0 else np.nan,
            method=f"1 − device_time ÷ latency; device_time: {device_time.method}",
            page_faults=np.nan,
        )


def _failure_text(failure: Failure) -> str:
    return f"{failure.kind.value} in {failure.where}: {failure.message}"


def _joined(of_case: Iterable[Finding]) -> str | None:
    return "; ".join(findings.text_of(finding) for finding in of_case) or None


def _unit_of(key: str) -> str | None:
    """The base unit; None for a metric that is not known."""
    metric = metrics.get(key)
    return metric.unit if metric else None
