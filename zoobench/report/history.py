"""Stored runs by commit: a metric's median with its interval, and the exact metrics, the oldest run first.

Nothing is decided here: values of different machines, or of one process each, differ for many reasons. They are told
apart, and `zoobench compare` is what decides.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from zoobench.cases import BadInputError, ModelRef, StoreError, format_quantity
from zoobench.records import VALID, Environment, metrics
from zoobench.records.machine import MUST_AGREE, calibration_facts
from zoobench.records.store import StoredRun
from zoobench.report.charts.canvas import write_charts
from zoobench.report.charts.history import KEY, history_chart
from zoobench.report.comparison.wording import exact_text
from zoobench.report.frame import OK, collect_frame
from zoobench.report.tables import format_interval
from zoobench.stats.verdicts.differences import EXACT_METRICS
from zoobench.stats.verdicts.outcome import short_names

FILE = "history.csv"
ALWAYS_SHOWN = ("parameters", "macs")
"""Exact metrics that have a column whether or not they ever changed."""

COLUMNS = ("started_at", "commit", "is_dirty", "machine", "run_id", "source", "model", "case_id", "metric", "unit",
           "status", "value", "low", "high", "n", "validity", "reason")  # fmt: skip

_SHORT_HASH = 7
_NO_COMMIT = "no commit"
_EXACT = tuple(metric.key for metric in EXACT_METRICS)


class History(NamedTuple):
    """A row for each run, case and metric (the one asked for, then the exact ones), oldest run first, in `frame`.

    `machines` are the facts that must agree for times to be compared, by the letter that stands in `frame`'s column.
    """

    frame: pd.DataFrame
    metric: str
    machines: Mapping[str, Mapping[str, str]]


class HistoryPaths(NamedTuple):
    """What was written; no figures where the runs have nothing to draw."""

    csv: Path
    figures: tuple[Path, ...]


def collect_history(runs: Iterable[StoredRun], metric: str, models: Iterable[ModelRef] | None = None) -> History:
    """The history of a metric over these runs, of these models or of all.

    Raises: UnknownNameError for an unknown metric, BadInputError where no run has it.
    """
    metrics.find(metric)
    ordered = sorted(runs, key=lambda stored: (stored.run.started_at, stored.run.run_id))
    letters = _machine_letters(stored.run.environment for stored in ordered)
    facts = pd.DataFrame(
        [_facts_of_run(stored, letters) for stored in ordered],
        columns=["run_id", "started_at", "commit", "is_dirty", "machine"],
    )
    rows = collect_frame(ordered).astype({"run_id": "str"}).merge(facts, on="run_id", how="left")
    if models is not None:
        wanted = {str(model) for model in models}
        rows = rows[(rows["source"].astype("str") + ":" + rows["model"].astype("str")).isin(wanted)]
    wanted_metrics = list(dict.fromkeys((metric, *_EXACT)))
    found = rows[rows["metric"].isin(wanted_metrics)][list(COLUMNS)].reset_index(drop=True)
    _check_measured(found, metric)
    return History(found, metric, {letter: dict(zip(MUST_AGREE, key, strict=True)) for key, letter in letters.items()})


def history_rows(history: History) -> list[dict[str, str]]:
    """The table in words: case after case, in each the oldest run first. A dirty tree's commit has a star.

    A metric that a run lacks has the reason instead; a value that is not valid says why.
    """
    frame = history.frame
    cases = list(dict.fromkeys(frame["case_id"].astype("str")))
    names = short_names(cases)
    shown = [history.metric, *_shown_exact(frame, history.metric)]
    groups = dict(list(frame.groupby(frame["case_id"].astype("str"), sort=False)))
    return [
        {
            "case": names[case],
            "started": str(of_run["started_at"].iloc[0])[:16].replace("T", " "),
            "commit": commit_name(str(of_run["commit"].iloc[0]), is_dirty=bool(of_run["is_dirty"].iloc[0])),
            **({"machine": str(of_run["machine"].iloc[0])} if len(history.machines) > 1 else {}),
            **{metric: _cell(of_run, metric) for metric in shown},
        }
        for case in cases
        for _, of_run in groups[case].groupby("run_id", sort=False)
    ]


def commit_name(commit: str, *, is_dirty: bool) -> str:
    """`1234567`, with a star where the tree had changes; a run outside a repository has none."""
    return f"{commit[:_SHORT_HASH] or _NO_COMMIT}{'*' if is_dirty else ''}"


def machine_texts(history: History) -> list[str]:
    """A line for each machine, if there is more than one: what tells it from the others."""
    if len(history.machines) == 1:
        return []
    return [f"machine {letter}: {_told_facts(facts)}" for letter, facts in history.machines.items()]


def _told_facts(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{fact.replace('_', ' ')} {value or 'unknown'}" for fact, value in facts.items())


def write_history(history: History, folder: Path) -> HistoryPaths:
    """`history.csv` with every row, and the chart as PNG and SVG.

    Raises: StoreError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        csv = folder / FILE
        history.frame.to_csv(csv, index=False)
        figure = history_chart(history.frame, history.metric, history.machines)
        return HistoryPaths(csv, tuple(write_charts([(KEY, figure)], folder)))
    except OSError as error:
        raise StoreError(f"cannot write the history to {folder}: {error.strerror or error}") from error


def _machine_letters(environments: Iterable[Environment]) -> dict[tuple[str, ...], str]:
    """A letter for each machine and software that times depend on, in the order in which they were first used."""
    keys = dict.fromkeys(map(_machine_key, environments))
    return {key: _letter(index) for index, key in enumerate(keys)}


def _machine_key(environment: Environment) -> tuple[str, ...]:
    facts = calibration_facts(environment)
    return tuple(facts[fact] for fact in MUST_AGREE)


def _letter(index: int) -> str:
    """A … Z, then AA."""
    rest, place = divmod(index, len(string.ascii_uppercase))
    return (_letter(rest - 1) if rest else "") + string.ascii_uppercase[place]


def _facts_of_run(stored: StoredRun, letters: Mapping[tuple[str, ...], str]) -> tuple[str, str, str, bool, str]:
    run, commit = stored.run, stored.run.environment.commit
    is_dirty = commit.get("is_dirty") == "true"
    return run.run_id, run.started_at, commit.get("revision", ""), is_dirty, letters[_machine_key(run.environment)]


def _check_measured(found: pd.DataFrame, metric: str) -> None:
    if not ((found["metric"] == metric) & (found["status"] == OK)).any():
        known = found["metric"][found["status"] == OK].astype("str").unique()
        told = f": they have {', '.join(known)}" if len(known) else ""
        raise BadInputError(f"none of these runs' cases has a value of {metric}{told}")


def _shown_exact(frame: pd.DataFrame, metric: str) -> list[str]:
    """Those that are always shown, and those that were not the same in all runs of some case."""
    known = frame[frame["status"] == OK]
    values = known.groupby(["metric", "case_id"], observed=True)["value"].nunique()
    changed = set(values[values > 1].index.get_level_values("metric"))
    there = set(known["metric"].astype("str"))
    return [key for key in _EXACT if key in there and key != metric and (key in changed or key in ALWAYS_SHOWN)]


def _cell(of_run: pd.DataFrame, metric: str) -> str:
    found = of_run[of_run["metric"] == metric]
    if found.empty:
        return format_quantity(None, metrics.COUNT)
    row = found.iloc[0]
    if row["status"] != OK:
        return f"{row['status']}: {row['reason']}"
    unit = metrics.find(metric).unit
    if metric in _EXACT:
        return exact_text(float(row["value"]), unit)
    text = format_interval(float(row["value"]), float(row["low"]), float(row["high"]), unit)
    return text if row["validity"] == VALID else f"{text} ({row['validity']})"
