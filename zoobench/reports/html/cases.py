"""Every case as columns, for the browser: what the filters ask for, and the frame's numbers with their texts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from zoobench import metrics
from zoobench.frame import LATENCY, OK, THROUGHPUT, TIMED_METRICS
from zoobench.metrics import Comparison
from zoobench.reports.cells import cells_of
from zoobench.reports.charts.scatter import is_of_paper
from zoobench.reports.selection import NAME, SETTING, View, cells, run_names
from zoobench.reports.tables import RATIO, Column, Kind
from zoobench.units import format_percent

Columns = dict[str, Any]

CASE_KEY: Final = ["run_id", "case_id"]
AXES: Final = ("mode", "precision", "device", "memory_format", "compiler", "allocator")
_TEXTS: Final = (*CASE_KEY, SETTING, NAME, "group", *AXES)
_NUMBERS: Final = ("batch", "image_size", "image_width", "threads", "is_planned")
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
            "is_exact": metrics.find(key).comparison is Comparison.EXACT,
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
    shown = cells_of(found, Column(metric, "", Kind.INTERVAL, metrics.find(metric).unit))
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
