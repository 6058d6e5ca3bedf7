"""The whole page in one file: sections laid out by templates, with libraries, styles, scripts and data inside."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from typing import Any

import jinja2
import msgspec
from markdown_it import MarkdownIt
from markupsafe import Markup

from zoobench.report import palette
from zoobench.report.html import assets
from zoobench.report.html.assets import PACKAGE, read_asset
from zoobench.report.html.cases import case_columns, metric_facts
from zoobench.report.html.plots import TICKS, mark_path
from zoobench.report.html.section import Section, html_table
from zoobench.report.html.sections import SECTIONS
from zoobench.report.page import title_of
from zoobench.report.report_data import ReportData
from zoobench.report.selection import View, run_names

# Data inside the page: JSON that no markup can break out of, and hashes by which scripts and styles are allowed.


_ESCAPES = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}


def json_html(data: Any) -> Markup:
    """The content of a `<script type="application/json">`: no `</script>`, comment or entity can begin in it.

    What is not a finite number is null, as in all of msgspec's JSON.
    """
    text = msgspec.json.encode(data).decode()
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return Markup(text)  # noqa: S704  there is no markup left in it


def security_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """A content security policy under which only these run, and nothing is loaded from anywhere.

    Images may be data, which the exports of charts and the tables' own styles are.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hashes(sources: Iterable[str]) -> str:
    digests = (hashlib.sha256(source.encode()).digest() for source in sources)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


# Our sentences, which are Markdown, as HTML. No HTML passes through, and nothing in them leads out of the page.


_OUT_OF_THE_PAGE = ["link", "image", "autolink", "html_block", "html_inline", "reference"]
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(_OUT_OF_THE_PAGE)
_EMPTY_COMMENT = "<!-- -->"
"""What `markdown_text` puts behind an `@`, so that nobody is mentioned; one of a user's is escaped."""


def sentence_html(markdown: str) -> Markup:
    """One sentence, without a paragraph around it."""
    return Markup(_PARSER.renderInline(markdown.replace(_EMPTY_COMMENT, "")))  # noqa: S704  what the parser escaped


def block_html(markdown: str) -> Markup:
    """Paragraphs and lists."""
    return Markup(_PARSER.render(markdown.replace(_EMPTY_COMMENT, "")))  # noqa: S704  what the parser escaped


_STYLES = ("page", "controls", "tables", "pane", "print")
_HEAD_SCRIPT = "theme"
"""Runs before anything is drawn, so that a dark page does not flash white."""
_SCRIPTS = (
    "payload", "address", "download", "charts", "tables", "printing", "ranks", "scatter", "which_model", "case_pane",
    "every_case", "start",
)  # fmt: skip
"""By concern, in this order: one module in the page, so that they see each other's names and nobody else does."""
_SPECS = ("scatter", "strip")


def render_html(report_data: ReportData) -> str:
    """The page. It takes 2 s to put Vega together; the rest depends on the number of cases."""
    sections = [build(report_data) for build in SECTIONS]
    head_script = read_asset("scripts", f"{_HEAD_SCRIPT}.js")
    scripts = [assets.charts_script(), assets.tables_script(), _own_script()]
    styles = [assets.tables_style(), "\n".join(read_asset("styles", f"{name}.css") for name in _STYLES)]
    return _environment().get_template("page.html.j2").render(
        title=_title(report_data),
        heading=title_of(report_data.runs),
        policy=security_policy([head_script, *scripts], styles),
        head_script=head_script,
        scripts=scripts,
        styles=styles,
        sections=sections,
        data=dict(_data(report_data, sections)),
    )  # fmt: skip


def _title(report_data: ReportData) -> str:
    names = run_names((stored.run.run_id, stored.run.label) for stored in report_data.runs)
    return "Zoo report: " + ", ".join(names.values())


def _data(report_data: ReportData, sections: Iterable[Section]) -> Iterable[tuple[str, Any]]:
    """What scripts read, by the ids of the elements that hold it."""
    yield "data-page", _shared(report_data.view)
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
