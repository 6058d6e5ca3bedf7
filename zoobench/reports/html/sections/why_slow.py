"""Why is it slow: nets whose order by multiply-accumulates is not their order by latency, and what bounds each."""

from __future__ import annotations

from zoobench.reports.answers import of_settings, order
from zoobench.reports.html.orders import order_charts
from zoobench.reports.html.rooflines import roofline_charts
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material
from zoobench.reports.why import LACKING, METHOD


def why_slow(material: Material) -> Section:
    """The pairs, then the diagnoses of the run's nets."""
    why = material.why
    tables = (why.pairs, why.diagnoses) if why.found else (why.pairs,)
    return Section(
        key="why-slow",
        title="Why is a net with fewer MACs not faster?",
        missing="No two nets can be compared: `python -m zoobench run --preset quick` measures nine.",
        answer=(*of_settings(material.view, order), *why.sentences, *(() if why.found else (LACKING,)))
        if why.sentences
        else (),
        tables=tables if why.sentences else (),
        charts=(*order_charts(material.view, why.setting), *roofline_charts(why.found)) if why.sentences else (),
        method=METHOD if why.found and why.sentences else "",
    )
