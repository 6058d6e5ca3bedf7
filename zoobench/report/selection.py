"""Which of the frame's cases stand beside each other: settings, the headline case, and a row a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from zoobench.cases import Mode, Precision, axes, catalogue
from zoobench.records.metrics import LATENCY, MODEL_METRICS
from zoobench.report import palette
from zoobench.report.frame import OK, THROUGHPUT

SETTING = "setting"
NAME = "name"
KEY = [SETTING, NAME]

CELL = ("low", "high", "status", "validity")
"""What a table keeps of a value beside itself."""

_SEPARATOR = " · "
_PICTURE = ("image_size", "image_width")
_AXES = tuple(axis.name for axis in axes.AXES if axis.is_setting and not axis.is_number)


class Setting(NamedTuple):
    """The case that stands for a model: a forward pass at this batch and precision."""

    batch: int
    precision: str

    def __str__(self) -> str:
        return f"inference, batch {self.batch}, {self.precision}"


class View(NamedTuple):
    """What tables and charts are made from.

    `rows` is the frame with three columns more: `setting`, `name` and `group`; without planned cases, which are chosen
    for a comparison with a section of its own, unless there are no others. `every_row` is with them. `models` has a row
    for each setting and model, with the model's facts, and its `latency`, `throughput` and `memory` at `point`.
    `memory_metric` is the metric taken for memory.
    """

    rows: pd.DataFrame
    every_row: pd.DataFrame
    settings: tuple[str, ...]
    point: Setting | None
    memory_metric: str
    models: pd.DataFrame


def view_of(frame: pd.DataFrame) -> View:
    """The frame, ready to be laid out."""
    ordered = _in_catalogue_order(frame)
    every_row = _with_case_columns(ordered)
    is_planned = ordered["is_planned"]
    is_mixed = is_planned.any() and not is_planned.all()
    rows = _with_case_columns(ordered[~is_planned].reset_index(drop=True)) if is_mixed else every_row
    point = _headline(rows)
    memory_metric = _memory_metric(rows)
    return View(
        rows=rows,
        every_row=every_row,
        settings=tuple(rows[SETTING].cat.categories),
        point=point,
        memory_metric=memory_metric,
        models=_models(rows, point, memory_metric),
    )


def _in_catalogue_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Each run's models as the catalogue lists them, whatever the order in which they were measured."""
    places = {str(entry.ref): place for place, entry in enumerate(catalogue.entries())}
    models = frame["source"].astype(str) + ":" + frame["model"].astype(str)
    keys = {"run": frame["run_id"].cat.codes, "place": models.map(places).fillna(len(places))}
    order = pd.DataFrame(keys).sort_values(["run", "place"], kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def models_at(view: View, point: Setting) -> pd.DataFrame:
    """The view's models as `View.models` has them, at another case than the headline one."""
    return _models(view.rows, point, view.memory_metric)


def run_names(runs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What to call each run, from pairs of id and label: its label where that tells it from the others."""
    pairs = list(dict.fromkeys(runs))
    labels = [label for _, label in pairs]
    return {run_id: label if label and labels.count(label) == 1 else run_id for run_id, label in pairs}


def cells(rows: pd.DataFrame, metric: str, key: list[str], column: str) -> pd.DataFrame:
    """The value of a metric as `column`, and what is said of it as `column_low` and so on: see `CELL`.

    One row a key: the first, if there are several.
    """
    found = rows[rows["metric"] == metric].drop_duplicates(key).set_index(key)
    names = {"value": column, **{part: f"{column}_{part}" for part in CELL}}
    return found[list(names)].rename(columns=names)


def at_point(rows: pd.DataFrame, point: Setting | None) -> pd.DataFrame:
    """The rows of the headline case."""
    if point is None:
        return rows.iloc[:0]
    return rows[(rows["mode"] == Mode.INFER) & (rows["batch"] == point.batch) & (rows["precision"] == point.precision)]


def measured(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of a metric that have a value."""
    return rows[(rows["metric"] == metric) & (rows["status"] == OK)]


def _with_case_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `setting`, `name` and `group`: found once a case, since a case has a dozen rows."""
    of_case = ["run_id", "case_id"]
    number = frame.groupby(of_case, observed=True, sort=False).ngroup().to_numpy()
    cases = frame.drop_duplicates(of_case)
    found = {SETTING: _settings(cases), NAME: _names(cases), "group": _groups(cases)}
    return frame.assign(**{name: column.iloc[number].set_axis(frame.index) for name, column in found.items()})


def shown_settings(view: View, most: int) -> tuple[tuple[str, ...], str]:
    """The settings that a chart with room for `most` draws, and what its title says of the others."""
    if len(view.settings) <= most:
        return view.settings, ""
    return view.settings[:most], f" (the first {most} of {len(view.settings)} settings)"


def _settings(frame: pd.DataFrame) -> pd.Series[str]:
    """What tells cases apart beside model, mode, batch and precision; empty if nothing does.

    Only axes that vary are named: a run of one device says nothing about devices.
    """
    names = run_names(zip(frame["run_id"].astype(str), frame["label"].astype(str), strict=True))
    parts = [frame["run_id"].astype(str).map(names)] if len(names) > 1 else []
    parts += [frame[axis].astype(str) for axis in _AXES if _varies(frame[axis])]
    if _varies(frame["threads"]):
        parts.append(frame["threads"].map(lambda threads: "1 thread" if threads == 1 else f"{threads} threads"))
    if _has_several_sizes(frame):
        parts.append(_sizes(frame))
    joined = pd.Series("", index=frame.index, dtype="str")
    for part in parts:
        joined = part if joined.eq("").all() else joined + _SEPARATOR + part
    return pd.Series(pd.Categorical(joined, categories=pd.unique(joined)), index=frame.index)


def _has_several_sizes(frame: pd.DataFrame) -> bool:
    sizes = frame[["source", "model", *_PICTURE]].drop_duplicates()
    return bool(sizes.duplicated(["source", "model"]).any())


def _varies(column: pd.Series[str]) -> bool:
    return len(column.unique()) > 1


def _sizes(frame: pd.DataFrame) -> pd.Series[str]:
    height, width = (frame[side].astype(str) for side in _PICTURE)
    resolution = height.mask(frame["image_width"] != frame["image_size"], height + "×" + width)
    return (resolution + " px").mask(frame["is_native_size"], "native size")


def _names(frame: pd.DataFrame) -> pd.Series[str]:
    """The model's name, with its source where two sources have one of that name."""
    models = frame[["source", "model"]].drop_duplicates().astype(str)
    twice = set(models["model"][models["model"].duplicated()])
    name = frame["model"].astype(str)
    if twice:
        name = name.mask(name.isin(twice), frame["source"].astype(str) + ":" + name)
    return pd.Series(pd.Categorical(name, categories=pd.unique(name)), index=frame.index)


def _groups(frame: pd.DataFrame) -> pd.Series[str]:
    groups = frame["family"].astype(str).map(palette.group_of)
    return pd.Series(pd.Categorical(groups, categories=list(palette.STYLES)), index=frame.index)


def _headline(rows: pd.DataFrame) -> Setting | None:
    """fp32 at batch 1, or what comes nearest to it among the inference cases that have a latency."""
    found = measured(rows[rows["mode"] == Mode.INFER], LATENCY)[["batch", "precision"]].drop_duplicates()
    points = [Setting(int(batch), str(precision)) for batch, precision in found.itertuples(index=False)]
    return min(points, key=lambda point: (point.precision != Precision.FP32, point.batch), default=None)


def _memory_metric(rows: pd.DataFrame) -> str:
    """What one call allocates, where any case knows it; else what the process grew by, which is coarser."""
    return "process_memory" if measured(rows, "peak_allocated").empty else "peak_allocated"


def _models(rows: pd.DataFrame, point: Setting | None, memory_metric: str) -> pd.DataFrame:
    about = ["family", "group", *_PICTURE, "top1_ratio", "top1_source", "run_id"]
    models = rows.drop_duplicates(KEY).set_index(KEY)[about]
    headline = at_point(rows, point)
    wanted = {LATENCY: LATENCY, THROUGHPUT: THROUGHPUT, memory_metric: "memory"}
    columns: list[pd.DataFrame | pd.Series[Any]] = [
        cells(headline, metric, KEY, column) for metric, column in wanted.items()
    ]
    return _with_facts(models.join(columns).reset_index(), rows)


def _with_facts(models: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Facts of a model are the same in all its cases at one image size, so one case of the run may tell them."""
    key = ["run_id", NAME, *_PICTURE]
    for metric in MODEL_METRICS:
        facts = measured(rows, metric).drop_duplicates(key)[[*key, "value"]]
        models = models.merge(facts.rename(columns={"value": metric}), on=key, how="left")
    return models


# Data of charts, which the page draws too: no matplotlib here.

_AMP = tuple(precision for precision in Precision if precision.traits.autocast)


REFERENCES = ("alexnet", "alexnet_2012")
"""What the compared families are related to: the first of these that was measured."""


def amp_speedups(view: View) -> pd.DataFrame:
    """A row for each case measured with and without AMP: setting, name, group, mode, batch, precision, speedup.

    `speedup` is the latency in fp32 over the one with AMP: below 1 is a slowdown. `low` and `high` are what it would be
    with both latencies at the unlucky and at the lucky end of their intervals.
    """
    key = [SETTING, NAME, "mode", "batch"]
    rows = measured(view.rows, LATENCY)
    rows = rows[rows["value"] > 0].drop_duplicates([*key, "precision"])
    plain = rows[rows["precision"] == Precision.FP32][[*key, "value", "low", "high"]]
    amp = rows[rows["precision"].isin(list(_AMP))][[*key, "group", "precision", "value", "low", "high"]]
    both = amp.merge(plain, on=key, suffixes=("", "_plain"))
    return both[[*key, "group", "precision"]].assign(
        speedup=both["value_plain"] / both["value"],
        low=both["low_plain"] / both["high"],
        high=both["high_plain"] / both["low"],
    )


def reference_of(view: View) -> str | None:
    """The net that others are related to, if it was measured."""
    known = set(view.models[NAME][view.models["latency"].notna()].astype(str))
    return next((name for name in REFERENCES if name in known), None)


def relative_to(view: View, reference: str) -> pd.DataFrame:
    """The compared families' models, each quantity over the reference's in the same setting."""
    columns = ["parameters", "macs", "memory", "latency", "latency_low", "latency_high"]
    base = view.models[view.models[NAME] == reference].set_index(SETTING)[columns]
    models = view.models[view.models["group"].isin(list(palette.COMPARED))].copy()
    models["order"] = models["group"].map({group: index for index, group in enumerate(palette.COMPARED)}).astype(int)
    divisors = base.reindex(models[SETTING].astype(str))
    low, high = divisors["latency_high"].to_numpy(), divisors["latency_low"].to_numpy()
    for column, divisor in zip(columns, (*divisors[columns[:4]].to_numpy().T, low, high), strict=True):
        models[column] = models[column] / divisor
    return models.dropna(subset=columns[:4], how="all").sort_values("order", kind="stable")


def ratio_text(ratio: float) -> str:
    """`0.021×`, `3.4×`, `120×`: two significant digits, never an exponent."""
    decimals = max(0, 1 - int(np.floor(np.log10(float(f"{ratio:.2g}")))))
    return f"{ratio:.{decimals}f}×"


def at_headline_precision(view: View, metric: str) -> pd.DataFrame:
    """The cases of the headline's precision; of each model, those of its first case at a batch."""
    if view.point is None:
        return view.rows.iloc[:0]
    rows = measured(view.rows, metric)
    rows = rows[(rows["mode"] == Mode.INFER) & (rows["precision"] == view.point.precision) & (rows["value"] > 0)]
    return rows.drop_duplicates([SETTING, NAME, "batch"]).sort_values("batch", kind="stable")


def pareto_front(cost: npt.ArrayLike, gain: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other one beats: none costs at most as much and gains at least as much, and either is strict."""
    costs, gains = np.asarray(cost, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    order = np.lexsort((-gains, costs))
    is_front = np.zeros(len(costs), dtype=bool)
    best, best_cost = -np.inf, -np.inf
    for index in order:
        if gains[index] > best or (gains[index] == best and costs[index] == best_cost):
            is_front[index] = True
            best, best_cost = gains[index], costs[index]
    return is_front


def is_of_paper(models: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each model's accuracy was printed in a paper, rather than published with torchvision's weights."""
    sources = models["top1_source"].astype(str).str.lower()
    return np.array(["torchvision" not in source for source in sources], dtype=bool)
