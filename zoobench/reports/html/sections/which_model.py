"""Which model for me? The reader filters, and the browser finds the front, the ranks and the pick anew."""

from __future__ import annotations

from zoobench.reports.answers import fastest, of_settings
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material
from zoobench.reports.selection import View

METHOD = """\
- The pick is the best by what you prefer, of the cases that keep your limits and whose times are valid; the runner-up
  is the next one. Where their intervals overlap, the measurement does not tell which of them is the better.
- A rank is an interval too: *3rd–6th* means that two models are surely better and that no more than six can be at or
  before this place. Models tie where their intervals overlap. Without an interval (too few blocks) there is no rank.
- On the dashed front are the models that no other one beats on both axes.
- Hollow points: accuracy printed in a paper. Pale points: a time that is not valid; they stand last and are not picked.
- The filter is a part of this page's address: copy the address, and the view goes with it."""


def which_model(material: Material) -> Section:
    """The pick, filters, the chart, the ranks; without JavaScript, the fastest model of the headline cases."""
    view = material.view
    has_cases = len(view.rows) > 0
    return Section(
        key="which-model",
        title="Which model for me?",
        missing="No case was recorded: `python -m zoobench run --preset quick` measures nine models.",
        answer=tuple(of_settings(view, fastest)),
        is_live=True,
        body="which_model.html.j2" if has_cases else "",
        data=_start(view),
        method=METHOD if has_cases else "",
    )


def _start(view: View) -> dict[str, object]:
    """The filter with which the page opens: the headline case, or all cases where there is none."""
    if view.point is None:
        return {}
    return {"mode": "infer", "precision": view.point.precision, "batch": view.point.batch}
