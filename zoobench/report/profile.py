"""What one profiled case says about why it is slow, as text; and its figures. From its record and ceilings alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from zoobench.cases import NOT_MEASURED, Mode, StoreError, format_bytes, format_count, format_percent, format_seconds
from zoobench.records import CaseRecord, Ceiling
from zoobench.report.charts.canvas import write_charts
from zoobench.report.charts.flame import MODEL, flame_of_modules
from zoobench.report.charts.roofline import roofline_of_model
from zoobench.report.diagnosed import diagnosed
from zoobench.stats import estimates
from zoobench.stats.roofline import OPERATOR_TIME, Roof, RooflinePoint, moved_bytes, points_of, roof_of

SHOWN = 10
"""Rows of a table: the slowest modules, and the slowest operators."""

PROFILER_OVERHEAD = "profiler_overhead"

ProfileRow = dict[str, str]


def render_profile(record: CaseRecord, ceilings: Sequence[Ceiling]) -> list[str]:
    """The profiler's overhead, the diagnosis, and where the time goes by kind, by module and by operator."""
    return [
        _overhead_line(record),
        _diagnosis_line(record, ceilings),
        *_section("by kind of layer", kind_rows(record)),
        *_modules_section(record, ceilings),
        *_section(f"slowest operators, {SHOWN} at most", operator_rows(record)),
    ]


def write_figures(record: CaseRecord, ceilings: Sequence[Ceiling], folder: Path, title: str) -> tuple[Path, ...]:
    """`flame` and `roofline` as PNG and SVG. Where the case lacks what one needs, an earlier one is taken away.

    Raises: StoreError if the folder cannot be written.
    """
    found = diagnosed(record, record.layers, ceilings)
    figures = {
        "flame": flame_of_modules(record, title),
        "roofline": None if found is None else roofline_of_model((found,)),
    }
    try:
        return tuple(write_charts(figures.items(), folder))
    except OSError as error:
        raise StoreError(f"cannot write figures to {folder}: {error.strerror or error}") from error


def kind_rows(record: CaseRecord) -> list[ProfileRow]:
    """A row a kind, the most time first: its shares of the time, of the MACs and of the bytes moved.

    MACs and bytes are of a forward pass, by the layers' kinds; the time is of the whole call, by the operators'.
    """
    times = _times_by(record, "kind")
    macs: defaultdict[str, float] = defaultdict(float)
    moved: defaultdict[str, float] = defaultdict(float)
    for layer in record.layers:
        macs[layer.kind] += layer.macs
        moved[layer.kind] += moved_bytes(layer, record.case.batch, record.case.precision)
    kinds = [*times, *(kind for kind in moved if kind and kind not in times)]
    return [
        {
            "kind": kind,
            "time": format_seconds(times[kind]) if kind in times else NOT_MEASURED,
            "of time": _share(times, kind),
            "of MACs": _share(macs, kind),
            "of bytes": _share(moved, kind),
        }
        for kind in kinds
    ]


def module_rows(record: CaseRecord, roof: Roof | None) -> list[ProfileRow]:
    """The modules with the most time of their own, and how near they come to the roof."""
    points = points_of(record, record.layers)
    total_s = sum(point.time_s for point in points)
    slowest = sorted(points, key=lambda point: -point.time_s)[:SHOWN]
    return [_module_row(point, total_s, roof) for point in slowest]


def operator_rows(record: CaseRecord) -> list[ProfileRow]:
    """The operators with the most time, all of their calls together."""
    times = _times_by(record, "operator")
    return [
        {"operator": name, "time": format_seconds(times[name]), "of time": _share(times, name)}
        for name in list(times)[:SHOWN]
    ]


def _module_row(point: RooflinePoint, total_s: float, roof: Roof | None) -> ProfileRow:
    return {
        "module": point.path or MODEL,
        "kind": point.kind,
        "time": format_seconds(point.time_s),
        "of time": format_percent(point.time_s / total_s),
        "MACs": format_count(point.macs) if point.macs else NOT_MEASURED,
        "MACs/s": f"{format_count(point.macs_per_s)}" if point.macs else NOT_MEASURED,
        "bytes/s": f"{format_bytes(point.bytes_per_s)}" if point.moved_bytes else NOT_MEASURED,
        "of ceiling": _reached(point, roof),
    }


def _reached(point: RooflinePoint, roof: Roof | None) -> str:
    """Share of the nearer ceiling, and which that is."""
    if roof is None or not (point.macs or point.moved_bytes):
        return NOT_MEASURED
    side = "compute" if roof.is_compute_sided(point) else "copy"
    return f"{format_percent(roof.reached(point), digits=0)} {side}"


def _modules_section(record: CaseRecord, ceilings: Sequence[Ceiling]) -> Iterator[str]:
    if record.case.mode is not Mode.INFER:
        yield "\nby module: only in inference, since a backward pass runs outside the modules"
        return
    roof = roof_of(ceilings, record.case)
    yield from _section(f"slowest modules, {SHOWN} at most", module_rows(record, roof))
    if roof is not None:
        product, copy = f"{format_count(roof.macs_per_s)}MACs/s", f"{format_bytes(roof.bytes_per_s)}/s"
        yield f"ceilings, as measured: {product} in matrix products, {copy} in copies"


def _overhead_line(record: CaseRecord) -> str:
    overhead = record.measurement(PROFILER_OVERHEAD)
    if overhead is None:
        return f"profiler overhead: {_reason(record, PROFILER_OVERHEAD)}"
    ratio = estimates.summarize(overhead.samples).median
    return f"profiler overhead: a profiled call takes {ratio:.2f} times as long as one that is not"


def _diagnosis_line(record: CaseRecord, ceilings: Sequence[Ceiling]) -> str:
    found = diagnosed(record, record.layers, ceilings)
    if found is not None:
        return f"diagnosis: {found.diagnosis}"
    if record.case.mode is not Mode.INFER:
        return "diagnosis: none, it is made of modules' times, which are known in inference alone"
    lacking = "the machine's ceilings" if roof_of(ceilings, record.case) is None else "the modules' times"
    return f"diagnosis: none, for want of {lacking}"


def _section(title: str, rows: Sequence[ProfileRow]) -> Iterator[str]:
    if not rows:
        yield f"\n{title}: not measured"
        return
    yield f"\n{title}"
    aligned = ["left" if column in {"kind", "module", "operator"} else "right" for column in rows[0]]
    yield tabulate(rows, headers="keys", tablefmt="simple", colalign=aligned, disable_numparse=True)


def _times_by(record: CaseRecord, by: str) -> Mapping[str, float]:
    fitting: Iterable[Mapping[str, float]] = (
        each.values for each in record.breakdowns if (each.metric, each.by) == (OPERATOR_TIME, by)
    )
    return next(iter(fitting), {})


def _share(parts: Mapping[str, float], name: str) -> str:
    total = sum(parts.values())
    return format_percent(parts.get(name, 0.0) / total) if total else NOT_MEASURED


def _reason(record: CaseRecord, metric: str) -> str:
    return next((missing.reason for missing in record.unavailable if missing.metric == metric), "not measured")
