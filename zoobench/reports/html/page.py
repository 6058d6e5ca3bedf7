"""The whole page in one file: sections laid out by templates, with libraries, styles, scripts and data inside."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import jinja2
import msgspec

from zoobench.reports import palette
from zoobench.reports.html import libraries
from zoobench.reports.html.assets import PACKAGE, read_asset
from zoobench.reports.html.cases import case_columns, metric_facts
from zoobench.reports.html.embed import json_html, security_policy
from zoobench.reports.html.plots.marks import mark_path
from zoobench.reports.html.plots.ticks import TICKS
from zoobench.reports.html.prose import block_html, sentence_html
from zoobench.reports.html.section import Section
from zoobench.reports.html.sections import SECTIONS
from zoobench.reports.html.tables import html_table
from zoobench.reports.material import Material
from zoobench.reports.page import title_of
from zoobench.reports.selection import View, run_names

_STYLES = ("page", "controls", "tables", "pane", "print")
_HEAD_SCRIPT = "theme"
"""Runs before anything is drawn, so that a dark page does not flash white."""
_SCRIPTS = (
    "payload", "address", "download", "charts", "tables", "printing", "ranks", "scatter", "which_model", "case_pane",
    "every_case", "start",
)  # fmt: skip
"""By concern, in this order: one module in the page, so that they see each other's names and nobody else does."""
_SPECS = ("scatter", "strip")


def render_html(material: Material) -> str:
    """The page. It takes 2 s to put Vega together; the rest depends on the number of cases."""
    sections = [build(material) for build in SECTIONS]
    head_script = read_asset("scripts", f"{_HEAD_SCRIPT}.js")
    scripts = [libraries.charts_script(), libraries.tables_script(), _own_script()]
    styles = [libraries.tables_style(), "\n".join(read_asset("styles", f"{name}.css") for name in _STYLES)]
    return _environment().get_template("page.html.j2").render(
        title=_title(material),
        heading=title_of(material.runs),
        policy=security_policy([head_script, *scripts], styles),
        head_script=head_script,
        scripts=scripts,
        styles=styles,
        sections=sections,
        data=dict(_data(material, sections)),
    )  # fmt: skip


def _title(material: Material) -> str:
    names = run_names((stored.run.run_id, stored.run.label) for stored in material.runs)
    return "Zoo report: " + ", ".join(names.values())


def _data(material: Material, sections: Iterable[Section]) -> Iterable[tuple[str, Any]]:
    """What scripts read, by the ids of the elements that hold it."""
    yield "data-page", _shared(material.view)
    yield from ((f"data-{section.key}", section.data) for section in sections if section.data is not None)
    yield from ((f"spec-{name}", msgspec.json.decode(read_asset("specs", f"{name}.json"))) for name in _SPECS)
    yield from ((f"spec-{chart.key}", chart.spec) for section in sections for chart in section.charts)


def _shared(view: View) -> dict[str, Any]:
    styles = _styles(palette.STYLES)
    metrics = {"metrics": metric_facts(view), "memory_metric": view.memory_metric}
    return {"cases": case_columns(view), **metrics, "groups": styles, "ticks": TICKS}


def _styles(groups: Iterable[str]) -> list[dict[str, str]]:
    """What these families look like, in the palette's order."""
    wanted = set(groups)
    return [
        {"group": group, "color": style.color, "shape": mark_path(style.marker)}
        for group, style in palette.STYLES.items()
        if group in wanted
    ]


def _own_script() -> str:
    return "\n".join(read_asset("scripts", f"{name}.js") for name in _SCRIPTS)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "sentence": sentence_html,
        "block": block_html,
        "json_html": json_html,
        "html_table": html_table,
        "styles": _styles,
    }
    return environment
