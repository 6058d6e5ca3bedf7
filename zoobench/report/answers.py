"""What the reader came for, in one sentence each, made from the view."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from zoobench.cases import plural
from zoobench.records import VALID, FailureKind, metrics
from zoobench.records.metrics import LATENCY
from zoobench.report.selection import NAME, SETTING, View, amp_speedups, measured, ratio_text
from zoobench.report.tables import format_interval
from zoobench.report.text import markdown_text

_FEWEST_FOR_ORDER = 3


Sentences = Callable[[View, str], Iterable[str]]
"""Of a view's setting."""


def answers(view: View) -> list[str]:
    """Sentences in Markdown: a count of the cases, then the findings of each setting."""
    return [count_sentence(view), *validity_sentences(view), *of_settings(view, fastest, order, amp_speed_up)]


def of_settings(view: View, *kinds: Sentences) -> list[str]:
    """These sentences of each setting, led by its name where there are several."""
    return [
        (f"{markdown_text(setting)}: " if setting else "") + sentence
        for setting in view.settings
        for sentences in kinds
        for sentence in sentences(view, setting)
    ]


def fastest(view: View, setting: str) -> Iterable[str]:
    """The fastest model at the headline case, and the fastest with a published accuracy."""
    known = _timed(view, setting)
    if len(known):
        yield _fastest(known, str(view.point))


def order(view: View, setting: str) -> Iterable[str]:
    """How well the order by multiply-accumulates tells the order by latency."""
    known = _timed(view, setting)
    with_macs = known[known["macs"] > 0]
    if min(len(with_macs["macs"].unique()), len(with_macs["latency"].unique())) >= _FEWEST_FOR_ORDER:
        yield _order(with_macs)


def amp_speed_up(view: View, setting: str) -> Iterable[str]:
    """What mixed precision gains, by mode."""
    speedups = amp_speedups(view)
    speedups = speedups[speedups[SETTING] == setting]
    for (mode, precision), rows in speedups.groupby(["mode", "precision"], observed=True):
        yield _amp(rows["speedup"], str(mode), str(precision))


def rank_correlation(first: pd.Series[float], second: pd.Series[float]) -> float:
    """Spearman's: 1 if both put the models in the same order, -1 in the opposite one; ties share their mean rank."""
    return float(first.rank().corr(second.rank()))


def count_sentence(view: View) -> str:
    """How many cases there are, and how many of them failed or have a warning."""
    cases = view.every_row.drop_duplicates(["run_id", "case_id"])
    failures = cases["failure"].dropna().astype("str")
    skipped = int(failures.str.startswith(FailureKind.OVER_BUDGET.value).sum())
    failed, warned = len(failures) - skipped, int(cases["warnings"].notna().sum())
    not_begun = f", {skipped} not begun because their budget would not have held one call" if skipped else ""
    models = len(cases[[NAME]].drop_duplicates())
    planned = int(cases["is_planned"].sum())
    elsewhere = f" {planned} of them are a suite's own and stand in their own sections." if planned else ""
    return (
        f"{plural(len(cases), 'case')} of {plural(models, 'model')}: "
        f"{failed or 'none'} failed{not_begun}, {warned or 'none'} with a warning.{elsewhere}"
    )


def validity_sentences(view: View) -> Iterable[str]:
    """How many of the latencies may be relied upon, and what stands against the others."""
    latencies = measured(view.every_row, LATENCY)
    doubtful = latencies["validity"][latencies["validity"] != VALID].astype("str")
    if len(latencies) == 0:
        return
    if doubtful.empty:
        yield f"{plural(len(latencies), 'latency', 'latencies')}: all valid."
        return
    flaws = doubtful.str.split(", ").explode().value_counts()
    listed = ", ".join(f"{flaw} {count}" for flaw, count in flaws.items())
    yield (
        f"{plural(len(latencies), 'latency', 'latencies')}: {len(latencies) - len(doubtful)} valid; the others are "
        f"struck in the tables and listed under *Warnings* with what helps ({listed})."
    )


def _timed(view: View, setting: str) -> pd.DataFrame:
    models = view.models[view.models[SETTING] == setting]
    return models.dropna(subset=["latency"])


def _fastest(models: pd.DataFrame, point: str) -> str:
    published = models.dropna(subset=["top1_ratio"])
    text = f"The fastest of {plural(len(models), 'model')} ({point}) is {_best(models)}"
    if len(published) == 0 or published["latency"].min() == models["latency"].min():
        return f"{text}."
    return f"{text}; of those with a published accuracy it is {_best(published)}."


def _best(models: pd.DataFrame) -> str:
    best = models.sort_values("latency").iloc[0]
    interval = format_interval(best["latency"], best["latency_low"], best["latency_high"], metrics.SECONDS)
    return f"{markdown_text(best[NAME])}, {interval} a call"


def _order(models: pd.DataFrame) -> str:
    by_macs, by_latency = models["macs"].rank(), models["latency"].rank()
    odd = int((by_macs - by_latency).abs().to_numpy().argmax())
    name, place, other = models[NAME].iloc[odd], by_macs.iloc[odd], by_latency.iloc[odd]
    text = (
        f"Order by MACs and order by latency: rank correlation {rank_correlation(by_macs, by_latency):.2f} "
        f"(Spearman, {len(models)} models; 1 would mean that MACs alone tell which is faster)"
    )
    if place == other:
        return f"{text}."
    return f"{text}; furthest apart is {markdown_text(name)}, place {place:g} by MACs and {other:g} by latency."


def _amp(speedups: pd.Series[float], mode: str, precision: str) -> str:
    slower = int((speedups < 1).sum())
    what = {"infer": "inference", "train": "training"}[mode]
    return (
        f"Speed-up of {what} by {precision}: {ratio_text(float(speedups.median()))} in the median of "
        f"{plural(len(speedups), 'case')} (below 1 is slower); {slower or 'none'} became slower."
    )
