"""Charts with a point a model: latency against MACs, and published accuracy against what it costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from zoobench.cases import format_percent
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.charts.canvas import LabelledPoint
from zoobench.report.placement import Box
from zoobench.report.selection import NAME, SETTING, View, is_of_paper, pareto_front, shown_settings

MOST_SETTINGS = 3
"""More settings than these are not drawn side by side; the tables have them all."""


class _Cost(NamedTuple):
    """What accuracy is paid with: a column of the view's models, drawn in a panel of its own."""

    column: str
    title: str
    x: str
    unit: str
    models: pd.DataFrame


def latency_against_macs(view: View) -> Figure | None:
    """A panel a setting: MACs across, latency up, both logarithmic, with the interval of the median."""
    models = view.models.dropna(subset=["latency", "macs"])
    models = models[(models["macs"] > 0) & (models["latency"] > 0)]
    shown, cut = shown_settings(view, MOST_SETTINGS)
    settings = [name for name in shown if (models[SETTING] == name).any()]
    if not settings:
        return None
    title = f"Latency against MACs ({view.point}){cut}"
    figure, axes = canvas.new_figure(
        1, len(settings), width=9.0 if len(settings) == 1 else 7.5, height=6.5, title=title
    )
    for ax, setting in zip(axes, settings, strict=True):
        of_setting = models[models[SETTING] == setting]
        canvas.name_panel(ax, setting, "MACs of one image's forward pass", "Time of a call")
        canvas.log_axis(ax, "x", metrics.COUNT, models["macs"])
        canvas.log_axis(ax, "y", metrics.SECONDS, models["latency"])
        _draw_points(ax, of_setting, "macs", "latency", is_hollow=np.zeros(len(of_setting), dtype=bool))
        _draw_intervals(ax, of_setting, "macs")
        ax.set_xlim(*_widened(models["macs"]))
        ax.set_ylim(*_widened(models["latency"]))
    canvas.group_legend(figure, models["group"])
    canvas.freeze_layout(figure)
    for ax, setting in zip(axes, settings, strict=True):
        of_setting = models[models[SETTING] == setting]
        canvas.say_unlabelled(ax, canvas.label_spots(ax, _spots(of_setting, "macs", "latency")))
    return figure


def accuracy_against_cost(view: View) -> Figure | None:
    """Published top-1 against latency (a panel a setting), MACs and parameters, the Pareto fronts marked."""
    models = view.models.dropna(subset=["top1_ratio"])
    panels = [panel for panel in _costs(view, models) if len(panel.models)]
    if not panels or not models["latency"].notna().any():
        return None
    title = "Published top-1 accuracy against what it costs" + shown_settings(view, MOST_SETTINGS)[1]
    figure, axes = canvas.new_figure(len(panels), 1, width=9.0, height=4.6, title=title)
    for ax, panel in zip(axes, panels, strict=True):
        _draw_costs(ax, panel, models["top1_ratio"])
    front = Line2D([], [], color="#444444", linewidth=1.0, linestyle="--", label="Pareto front")
    hollow = Line2D(
        [], [], linestyle="", marker="o", markerfacecolor="white", markeredgecolor="black", label="printed in a paper"
    )
    canvas.group_legend(figure, models["group"], (hollow, front))
    canvas.freeze_layout(figure)
    for ax, panel in zip(axes, panels, strict=True):
        _label_costs(ax, panel)
    return figure


def _costs(view: View, models: pd.DataFrame) -> list[_Cost]:
    settings, _ = shown_settings(view, MOST_SETTINGS)
    panels = [
        _Cost(
            "latency",
            " · ".join(text for text in ("Latency", setting) if text),
            f"Time of a call ({view.point})",
            metrics.SECONDS,
            models[(models[SETTING] == setting) & (models["latency"] > 0)],
        )
        for setting in settings
    ]
    once = models.drop_duplicates(NAME)
    macs, parameters = once[once["macs"] > 0], once[once["parameters"] > 0]
    panels.append(_Cost("macs", "MACs", "MACs of one image's forward pass", metrics.COUNT, macs))
    panels.append(_Cost("parameters", "Parameters", "Parameters", metrics.COUNT, parameters))
    return panels


def _draw_costs(ax: Axes, panel: _Cost, all_gains: pd.Series[float]) -> None:
    models = panel.models
    canvas.name_panel(ax, panel.title, panel.x, "Published top-1 accuracy")
    canvas.log_axis(ax, "x", panel.unit, models[panel.column])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_percent(value, digits=0)))
    _draw_points(ax, models, panel.column, "top1_ratio", is_hollow=is_of_paper(models))
    if panel.column == "latency":
        _draw_intervals(ax, models, None)
    front = _front(panel)
    ax.step(front[panel.column], front["top1_ratio"], where="post", color="#444444", linewidth=1.0, linestyle="--")
    margin = max(0.02, 0.1 * float(all_gains.max() - all_gains.min()))
    ax.set_ylim(float(all_gains.min()) - margin, float(all_gains.max()) + margin)
    ax.set_xlim(*_widened(models[panel.column]))


def _label_costs(ax: Axes, panel: _Cost) -> None:
    front = _front(panel)
    ordered = pd.concat([front, panel.models.drop(front.index)])
    xs, ys = front[panel.column].tolist(), front["top1_ratio"].tolist()
    steps = [Box(x0, y0, x1, y0) for x0, x1, y0 in zip(xs, xs[1:], ys, strict=False)]
    steps += [Box(x1, y0, x1, y1) for x1, y0, y1 in zip(xs[1:], ys, ys[1:], strict=False)]
    spots = _spots(ordered, panel.column, "top1_ratio")
    canvas.say_unlabelled(ax, canvas.label_spots(ax, spots, soft=steps))


def _front(panel: _Cost) -> pd.DataFrame:
    is_front = pareto_front(panel.models[panel.column].to_numpy(), panel.models["top1_ratio"].to_numpy())
    return panel.models[is_front].sort_values(panel.column)


def _draw_points(ax: Axes, models: pd.DataFrame, x: str, y: str, *, is_hollow: npt.NDArray[np.bool_]) -> None:
    for index, (_, model) in enumerate(models.iterrows()):
        style = palette.STYLES[str(model["group"])]
        filled: dict[str, Any] = {"markerfacecolor": style.color, "markeredgecolor": "black", "markeredgewidth": 0.4}
        hollow: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": style.color, "markeredgewidth": 1.6}
        looks = hollow if is_hollow[index] else filled
        ax.plot(model[x], model[y], linestyle="", marker=style.marker, markersize=6.5, zorder=3, **looks)


def _draw_intervals(ax: Axes, models: pd.DataFrame, x: str | None) -> None:
    """Latency's interval: upwards beside `x`, across if `x` is None (latency is across then)."""
    known = models.dropna(subset=["latency_low", "latency_high"])
    ends = [known["latency"] - known["latency_low"], known["latency_high"] - known["latency"]]
    looks: dict[str, Any] = {"linestyle": "", "ecolor": "#333333", "elinewidth": 0.9, "capsize": 2.0, "zorder": 4}
    if x is None:
        ax.errorbar(known["latency"], known["top1_ratio"], xerr=ends, **looks)
    else:
        ax.errorbar(known[x], known["latency"], yerr=ends, **looks)


def _spots(models: pd.DataFrame, x: str, y: str) -> list[LabelledPoint]:
    return [
        LabelledPoint(float(model[x]), float(model[y]), str(model[NAME]), _interval_box(model, x, y))
        for _, model in models.iterrows()
    ]


def _interval_box(model: pd.Series[float], x: str, y: str) -> Box | None:
    if "latency" not in (x, y) or not np.isfinite([model["latency_low"], model["latency_high"]]).all():
        return None
    low, high = float(model["latency_low"]), float(model["latency_high"])
    if y == "latency":
        return Box(float(model[x]), low, float(model[x]), high)
    return Box(low, float(model[y]), high, float(model[y]))


def _widened(values: pd.Series[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis with room for names on either side of the outermost points."""
    low, high = float(values.min()), float(values.max())
    margin = max((high / low) ** 0.1, 1.3)
    return low / margin, high * margin
