"""What a case's pane shows beyond its row: every metric, findings, covariates, and the raw samples by block."""

from __future__ import annotations

import itertools
import shlex
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from zoobench.cases import NOT_MEASURED, Case, axes, format_duration, format_percent
from zoobench.cases.catalogue import IMPORTED
from zoobench.records import CaseRecord, Measurement, metrics
from zoobench.records.metrics import LATENCY, Exactness
from zoobench.records.store import StoredRun
from zoobench.report.frame import OK, THROUGHPUT, TIMED_METRICS
from zoobench.report.selection import NAME, SETTING, View, cells, is_of_paper, run_names
from zoobench.report.tables import RATIO, Column, ColumnKind, cells_of, format_interval
from zoobench.stats import findings
from zoobench.stats.interference import causes

# Every case as columns, for the browser: what the filters ask for, and the frame's numbers with their texts.


Columns = dict[str, Any]

CASE_KEY: Final = ["run_id", "case_id"]
AXES: Final = tuple(axis.name for axis in axes.AXES if axis.is_filtered)
_TEXTS: Final = (*CASE_KEY, SETTING, NAME, "group", *AXES)
_NUMBERS: Final = (*(column for column, is_number in axes.AXIS_COLUMNS.items() if is_number), "is_planned")
_TITLES: Final = {
    LATENCY: "Latency",
    THROUGHPUT: "Images/s",
    "peak_allocated": "Peak memory",
    "process_memory": "Process growth",
    "macs": "MACs",
    "parameters": "Parameters",
}


def shown_metrics(view: View) -> tuple[str, ...]:
    """What a case is looked at by."""
    return (LATENCY, THROUGHPUT, view.memory_metric, "macs", "parameters")


def cases_of(view: View) -> pd.DataFrame:
    """A row a case, in the order of the report."""
    return view.every_row.drop_duplicates(CASE_KEY).reset_index(drop=True)


def case_columns(view: View) -> Columns:
    """The columns by name, each as long as there are cases.

    A text is a place in the column's `of`. A metric has its `value`, `low` and `high` as the frame has them (null
    where it has none) and the `text` that people read.
    """
    cases = cases_of(view)
    names = run_names(zip(cases["run_id"].astype(str), cases["label"].astype(str), strict=True))
    return {
        **{name: _texts(cases[name]) for name in _TEXTS},
        **{name: cases[name].tolist() for name in _NUMBERS},
        "run": _texts(cases["run_id"].astype(str).map(names)),
        "top1": {"value": cases["top1_ratio"].tolist(), "text": [format_percent(top1) for top1 in cases["top1_ratio"]]},
        "is_of_paper": _is_of_paper(cases),
        "failure": _texts(cases["failure"]),
        "warnings": _texts(cases["warnings"]),
        "validity": _texts(_of_metric(view, cases, LATENCY)[f"{LATENCY}_validity"]),
        "metrics": {metric: _metric_column(view, cases, metric) for metric in shown_metrics(view)},
    }


def metric_facts(view: View) -> list[dict[str, Any]]:
    """What is to be known of each metric that is shown; without an interval a timed one has no place in an order."""
    return [
        {
            "key": key,
            "title": _TITLES[key],
            "unit": metrics.find(key).unit,
            "better": metrics.find(key).better,
            "is_exact": metrics.find(key).comparison is Exactness.EXACT,
            "is_timed": key in (*TIMED_METRICS, THROUGHPUT),
        }
        for key in shown_metrics(view)
    ] + [{"key": "top1", "title": "Published top-1", "unit": RATIO, "better": "higher", "is_exact": True,
          "is_timed": False}]  # fmt: skip


def _is_of_paper(cases: pd.DataFrame) -> list[bool]:
    known = cases.assign(top1_source=cases["top1_source"].astype("str").fillna(""))
    return [bool(is_printed) for is_printed in is_of_paper(known) & cases["top1_ratio"].notna().to_numpy()]


def _of_metric(view: View, cases: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The metric's columns beside the cases, in their order."""
    keys = pd.MultiIndex.from_frame(cases[CASE_KEY].astype(str))
    rows = view.every_row[view.every_row["metric"] == metric].astype(dict.fromkeys(CASE_KEY, "str"))
    return cells(rows, metric, CASE_KEY, metric).reindex(keys).reset_index(drop=True)


def _metric_column(view: View, cases: pd.DataFrame, metric: str) -> Columns:
    found = _of_metric(view, cases, metric)
    shown = cells_of(found, Column(metric, "", ColumnKind.INTERVAL, metrics.find(metric).unit))
    is_known = found[f"{metric}_status"] == OK
    ends = {"value": found[metric], "low": found[f"{metric}_low"], "high": found[f"{metric}_high"]}
    return {
        **{end: column.where(is_known).tolist() for end, column in ends.items()},
        "text": [cell.text for cell in shown],
    }


def _texts(column: pd.Series[str]) -> Columns:
    """As the frame keeps them: each text once, and a place for each row (-1 where there is none)."""
    codes, texts = pd.factorize(column.astype("str").where(column.notna(), None))
    return {"of": [str(text) for text in texts], "at": np.asarray(codes).tolist()}


# The command that measures a case again, as one types it into a shell.


def measure_again(case: Case) -> str:
    """All axes are named, so that no preset fills one in; an imported model goes by its factory alone."""
    model = case.model.name if case.model.source == IMPORTED else str(case.model)
    options = {"models": model, **{axis.option: axis.text(case) for axis in axes.AXES}}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return shlex.join(["python", "-m", "zoobench", "run", *words])


def show_all(run_id: str, case: Case) -> str:
    """The command that prints everything that the run has of the case."""
    return shlex.join(["python", "-m", "zoobench", "show", run_id, case.id])


MOST_CASES: Final = 2_000
"""More cases with their samples would make a page that opens slowly; the others have their row."""

MOST_SAMPLES: Final = 200
"""Of a case: a strip is as wide as a screen."""

_DIGITS = 5
"""Of a sample on a strip, where a pixel is a hundredth of its height."""


class Texts:
    """Texts that many cases share, each kept once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place_of(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))

    @property
    def all(self) -> list[str]:
        return list(self._places)


def case_details(view: View, runs: Sequence[StoredRun]) -> dict[str, Any]:
    """`texts`, and for each of the first cases, in the order of `cases_of`, the parts of its pane."""
    texts = Texts()
    records = {(stored.run.run_id, record.case.id): record for stored in runs for record in stored.records}
    keys = list(cases_of(view)[CASE_KEY].astype(str).itertuples(index=False, name=None))[:MOST_CASES]
    rows = _rows_by_case(view, keys)
    cases = [_detail(run_id, records[run_id, case_id], rows[run_id, case_id], texts) for run_id, case_id in keys]
    return {"cases": cases, "texts": texts.all}


def folding_note(view: View) -> str:
    """What is not on the page, in Markdown; empty if everything is."""
    count = len(cases_of(view))
    if count <= MOST_CASES:
        return ""
    return (
        f"{count - MOST_CASES} of {count} cases are folded: they have their row, but not their samples. "
        "`python -m zoobench show RUN CASE` prints them."
    )


def thin(samples: Sequence[float], block_sizes: Sequence[int], most: int) -> tuple[list[int], list[int], int]:
    """Every so many-th sample, so that no more than `most` are left: their places, their blocks, and how many-th."""
    step = -(-len(samples) // most)
    sizes = block_sizes or (len(samples),)
    block_of = [block for block, size in enumerate(sizes) for _ in range(size)]
    kept = list(range(0, len(samples), step))
    return kept, [block_of[place] for place in kept], step


Rows = dict[tuple[str, str], list[dict[str, Any]]]


def _rows_by_case(view: View, keys: list[tuple[str, str]]) -> Rows:
    columns = ["metric", "unit", "status", "value", "low", "high", "n", "blocks", "method", "reason"]
    found: Rows = {key: [] for key in keys}
    frame = view.every_row[[*CASE_KEY, *columns]]
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    for row in frame.astype(dict.fromkeys(texts, object)).to_dict("records"):
        if (rows := found.get((row["run_id"], row["case_id"]))) is not None:
            rows.append({str(name): value for name, value in row.items()})
    return found


def _detail(run_id: str, record: CaseRecord, rows: list[dict[str, Any]], texts: Texts) -> dict[str, Any]:
    latency = record.measurement(LATENCY)
    return {
        "started": record.started_at,
        "took": format_duration(record.duration_s),
        "metrics": [_metric(row, texts) for row in rows if row["status"] == OK],
        "absent": [
            [texts.place_of(_title(row["metric"])), texts.place_of(str(row["reason"]))]
            for row in rows
            if row["status"] != OK
        ],
        "findings": [[found.severity.value, texts.place_of(findings.text_of(found))] for found in record.findings],
        "settings": [[texts.place_of(name), texts.place_of(value)] for name, value in record.settings.items()],
        "strip": _strip(latency) if latency else None,
        "covariates": list(_covariates(latency, texts)) if latency else [],
        **_commands(run_id, record.case),
    }


def _commands(run_id: str, case: Case) -> dict[str, str]:
    return {"again": measure_again(case), "show": show_all(run_id, case)}


def _metric(row: dict[str, Any], texts: Texts) -> list[Any]:
    """Title, value, how many samples in how many blocks, and the method; a metric of no known unit has no text."""
    is_known = isinstance(row["unit"], str)
    text = format_interval(row["value"], row["low"], row["high"], row["unit"]) if is_known else NOT_MEASURED
    title, method = texts.place_of(_title(row["metric"])), texts.place_of(str(row["method"]))
    return [title, text, row["n"], row["blocks"], method]


def _title(key: str) -> str:
    metric = metrics.get(key)
    return metric.title if metric else key


def _strip(latency: Measurement) -> dict[str, Any]:
    """Samples and their blocks; `causes` says what disturbed a sample, null where nothing did."""
    kept, blocks, step = thin(latency.samples, latency.block_sizes, MOST_SAMPLES)
    disturbed_by = causes(latency.samples, latency.covariates)
    return {
        "samples": [float(f"{latency.samples[place]:.{_DIGITS}g}") for place in kept],
        "sizes": [len(list(of_block)) for _, of_block in itertools.groupby(blocks)],
        "causes": {str(at): cause.value for at, place in enumerate(kept) if (cause := disturbed_by[place]) is not None},
        "taken": len(latency.samples),
        "step": step,
    }


def _covariates(latency: Measurement, texts: Texts) -> Iterator[list[Any]]:
    """Name, median, least and greatest, over the rounds; and the share of rounds in which it was not 0."""
    for name, values in latency.covariates.items():
        share = format_percent(sum(value != 0 for value in values) / len(values), digits=0)
        figures = (statistics.median(values), min(values), max(values))
        yield [texts.place_of(name), *(f"{value:.4g}" for value in figures), share]
