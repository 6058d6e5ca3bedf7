"""What a case's pane shows beyond its row: every metric, findings, covariates, and the raw samples by block."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd

from zoobench import findings, metrics
from zoobench.cases import Case
from zoobench.disturbance import causes
from zoobench.frame import LATENCY, OK
from zoobench.records import CaseRecord, Measurement
from zoobench.reports.cells import format_interval
from zoobench.reports.html.cases import CASE_KEY, cases_of
from zoobench.reports.html.command import measure_again, show_all
from zoobench.reports.selection import View
from zoobench.store import StoredRun
from zoobench.units import NOT_MEASURED, format_duration, format_percent

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
