"""`report.md`: the answers first, then the charts and tables, then how it was measured and where."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence

from zoobench.cases import NOT_MEASURED, format_percent
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.report.answers import answers
from zoobench.report.audit import render_audit
from zoobench.report.capacity import render_capacity
from zoobench.report.charts.batch import FRONTIER, FrontierChart
from zoobench.report.charts.papers import PAPER_CHARTS, PaperChart
from zoobench.report.charts.roofline import WHY_CHARTS, WhyChart
from zoobench.report.charts.run_charts import CHARTS, Chart
from zoobench.report.report_data import ReportData, render_predicted
from zoobench.report.reproduction import render_claims, render_reproduction
from zoobench.report.selection import run_names
from zoobench.report.tables import FAILED_CELL, UNAVAILABLE_CELL, Table, render_cut_table
from zoobench.report.text import markdown_text
from zoobench.report.why import render_why
from zoobench.stats.estimates import CONFIDENCE

FIGURES = "figures"
TABLES = "tables"
MOST_ROWS = 60
"""A longer table is cut on the page; its own file has all of it."""

_BESIDE = {
    "zoo": ("latency_against_macs", "accuracy_against_cost", "families_against_alexnet"),
    "latency": ("throughput_against_batch", "amp_speedup"),
    "memory": ("memory_against_batch",),
}
"""Which charts stand above which table."""

METHOD = f"""\
- A time is the median of blocks of rounds of one case, each block under another memory layout; ± is half the width of
  its {format_percent(CONFIDENCE, digits=0)} interval, which lies between two order statistics of the blocks' medians
  and assumes no distribution, widened where one block resembles the next. No ± means that the blocks were too few.
- Rounds that something disturbed (a pause, stolen time, waiting for a processor, a machine slower than when quiet:
  known by what else was counted, never by their times) are kept in the record and left out of the median, unless too
  few are left.
- A ~~struck~~ time is not valid: what stands against it is listed under *Warnings*.
- Images/s is the batch size over the latency, never measured apart.
- MACs are multiply-accumulates of convolutions and matrix products for one image; FLOPs would be twice as many.
- **Accuracy is published, not measured**: torchvision's figure for its weights, or the one printed in a paper (hollow
  markers). It is top-1 on ImageNet-1k.
- A model is on a Pareto front if no other one is at least as accurate and costs at most as much.
- `{NOT_MEASURED}`: not asked for; `{UNAVAILABLE_CELL}`: cannot be had here; `{FAILED_CELL}`: the case failed. The
  reasons are listed above."""


def render_page(report_data: ReportData, *, drawn: Collection[str] | None) -> str:
    """The whole page in GitHub's Markdown.

    `drawn` holds the keys of the charts that were written, None if none was asked for: then one line says how to ask.
    """
    runs, asked = report_data.runs, drawn is not None
    drawn = drawn or ()
    about = "\n".join(f"- {sentence}" for sentence in describe_runs(runs))
    sections = [f"# {title_of(runs)}", about, "\n".join(f"- {sentence}" for sentence in answers(report_data.view))]
    sections.append("" if asked else _how_to_draw(runs))
    for table in report_data.listed:
        if table.key == "differences" and len(runs) == 1:
            continue
        sections.append(f"## {markdown_text(table.title)}")
        sections += [_image(chart) for chart in _charts_of(table) if chart.key in drawn]
        sections.append(_cut(table))
        if table.key == "unavailable" and asked:
            sections.append(_not_drawn(drawn))
    rooflines = [_image(chart) for chart in WHY_CHARTS if chart.key in drawn]
    sections.append(render_why(report_data.why, rooflines, most_rows=MOST_ROWS, folder=TABLES))
    images = {chart.key: _image(chart) for chart in PAPER_CHARTS if chart.key in drawn}
    rest = f"{TABLES}/reproduction.csv"
    sections.append(render_reproduction(runs, image=images.get("printed_against_found", ""), rest=rest))
    sections.append(render_claims(runs, images))
    image = _image(FRONTIER) if FRONTIER.key in drawn else ""
    sections.append(
        render_capacity(report_data.frontiers, image=image, most_rows=MOST_ROWS, rest=f"{TABLES}/capacity.md")
    )
    sections.append(render_predicted(runs, most_rows=MOST_ROWS, rest=f"{TABLES}/predicted.md"))
    sections.append(render_audit(runs, most_rows=MOST_ROWS, rest=f"{TABLES}/audit.md"))
    sections += ["## How to read this", METHOD, _notes(runs)]
    return "\n\n".join(section for section in sections if section) + "\n"


def title_of(runs: Sequence[StoredRun]) -> str:
    """What the report is called, in Markdown."""
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    return "Zoo report: " + ", ".join(markdown_text(name) for name in names.values())


def describe_runs(runs: Sequence[StoredRun]) -> list[str]:
    """A sentence a run: when it started, and by which command."""
    return [
        f"Run {markdown_text(stored.run.run_id)}, started {markdown_text(stored.run.started_at)}, by "
        f"{markdown_text(' '.join(stored.run.command)) or 'no command'}"
        for stored in runs
    ]


def _charts_of(table: Table) -> Iterable[Chart]:
    return (chart for key in _BESIDE.get(table.key, ()) for chart in CHARTS if chart.key == key)


def _image(chart: Chart | PaperChart | WhyChart | FrontierChart) -> str:
    return f"![{chart.title}. {chart.alt}]({FIGURES}/{chart.key}.png)"


def _cut(table: Table) -> str:
    return render_cut_table(table, most_rows=MOST_ROWS, rest=f"{TABLES}/{table.key}.md")


def _how_to_draw(runs: Sequence[StoredRun]) -> str:
    """The command that makes this report once more, with its charts."""
    words = ["python", "-m", "zoobench", "report", *(stored.run.run_id for stored in runs), "--figures"]
    return f"The charts were not asked for; this draws them: {markdown_text(shlex.join(words))}"


def _not_drawn(drawn: Collection[str]) -> str:
    missing = [
        f"- {chart.title} was not drawn: {chart.missing}."
        for chart in (*CHARTS, *WHY_CHARTS, *PAPER_CHARTS, FRONTIER)
        if chart.key not in drawn
    ]
    return "\n".join(missing)


def _notes(runs: Sequence[StoredRun]) -> str:
    """What could not be read of the runs, and how much of their time was spent in the models."""
    lines = [f"- {markdown_text(note)}" for stored in runs for note in stored.notes]
    for stored in runs:
        lines += _about_processes(stored)
        total = sum(record.duration_s for record in stored.records)
        if total > 0:
            share = format_percent(sum(record.in_calls_s for record in stored.records) / total)
            lines.append(f"- {share} of the time of {markdown_text(stored.run.run_id)} was spent in calls of models.")
    return "\n".join(lines)


def _about_processes(stored: StoredRun) -> Iterable[str]:
    """How many cases were measured in several processes, and what that makes of their times."""
    latencies = (record.measurement(LATENCY) for record in stored.records)
    sizes = [len(latency.process_sizes) for latency in latencies if latency and len(latency.process_sizes) > 1]
    if sizes:
        each = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
        cases = f"{len(sizes)} of {len(stored.records)} cases of {markdown_text(stored.run.run_id)}"
        yield (
            f"- {cases} were measured in {each} fresh processes each: their times are medians of the processes' "
            "medians, and ± is of the processes."
        )
