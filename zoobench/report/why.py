"""Why a net with fewer multiply-accumulates is not faster: pairs out of order, and what bounds each of the two."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from zoobench.cases import NOT_MEASURED, Mode, Precision, format_count, format_percent
from zoobench.records import metrics
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.report.charts.roofline import FEATURED
from zoobench.report.diagnosed import Diagnosed, collect_diagnosed, diagnosed_run
from zoobench.report.selection import NAME, SETTING, Setting, View, at_point, measured, models_at
from zoobench.report.tables import RATIO, Column, ColumnKind, Table, format_interval, render_cut_table
from zoobench.report.text import markdown_text
from zoobench.stats.diagnosis import Bound, Diagnosis

# Pairs of nets whose order by multiply-accumulates is not their order by latency.


CONDITION = [SETTING, "batch", "precision"]
"""What tells the ways of calling a net apart."""

_OF_A_NET = ("case_id", "value", "low", "high")


class Relation(enum.StrEnum):
    """Of the net with fewer MACs to the other one; undecided where the intervals of their latencies meet."""

    SLOWER = "slower"
    FASTER = "faster"
    UNDECIDED = "undecided"


def compared(view: View, setting: str, point: Setting | None = None) -> pd.DataFrame:
    """The setting's nets whose MACs, latency and its interval are known at this case; the fewest MACs first.

    Without a `point`: at the headline case.
    """
    at_case = view.models if point is None else models_at(view, point)
    models = at_case[at_case[SETTING] == setting]
    known = models.dropna(subset=["macs", "latency", "latency_low", "latency_high"])
    return known[(known["macs"] > 0) & (known["latency_low"] > 0)].sort_values("macs", kind="stable")


def inverted_pairs(nets: pd.DataFrame) -> pd.DataFrame:
    """Every pair of which the net with fewer MACs is the slower one, its interval wholly above the other's.

    Columns: `light` and `heavy` (names), `macs_ratio` (heavy over light), `latency_ratio` (light over heavy) and
    `deviation`, their product: how many times as long the light net takes for a multiply-accumulate. The largest
    deviation first.
    """
    macs, low, high = (nets[column].to_numpy() for column in ("macs", "latency_low", "latency_high"))
    light, heavy = np.nonzero((macs[:, None] < macs[None, :]) & (low[:, None] > high[None, :]))
    return pairs_of(nets, light, heavy).sort_values("deviation", ascending=False, kind="stable", ignore_index=True)


def pairs_of(nets: pd.DataFrame, light: np.ndarray, heavy: np.ndarray) -> pd.DataFrame:
    """The columns of `inverted_pairs` for these pairs, by their nets' places."""
    names, macs, latency = (nets[column].to_numpy() for column in (NAME, "macs", LATENCY))
    macs_ratio, latency_ratio = macs[heavy] / macs[light], latency[light] / latency[heavy]
    pairs = {"light": names[light], "heavy": names[heavy], "macs_ratio": macs_ratio, "latency_ratio": latency_ratio}
    return pd.DataFrame(pairs | {"deviation": macs_ratio * latency_ratio})


def latencies(rows: pd.DataFrame) -> pd.DataFrame:
    """Inference latencies that have an interval, a row for each net and condition."""
    known = measured(rows[rows["mode"] == Mode.INFER], LATENCY).dropna(subset=["low", "high"])
    found = known[[*CONDITION, NAME, *_OF_A_NET]].drop_duplicates([*CONDITION, NAME])
    return found.astype({SETTING: "str", NAME: "str", "precision": "str", "case_id": "str"})


def under_conditions(pairs: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The pairs under each condition in which both nets were measured, in the order of the pairs.

    `known` is from `latencies`. Columns: `light`, `heavy`, the condition, `latency_ratio` (light over heavy),
    `relation`, and the two cases, `case_id_light` and `case_id_heavy`.
    """
    of_light, of_heavy = (
        known.rename(columns={NAME: side, **{column: f"{column}_{side}" for column in _OF_A_NET}})
        for side in ("light", "heavy")
    )
    both = pairs[["light", "heavy"]].astype("str").merge(of_light, on="light").merge(of_heavy, on=["heavy", *CONDITION])
    both["latency_ratio"] = both["value_light"] / both["value_heavy"]
    is_slower, is_faster = both["low_light"] > both["high_heavy"], both["high_light"] < both["low_heavy"]
    both["relation"] = np.select([is_slower, is_faster], [Relation.SLOWER, Relation.FASTER], Relation.UNDECIDED)
    return both[["light", "heavy", *CONDITION, "latency_ratio", "relation", "case_id_light", "case_id_heavy"]]


MOST_PAIRS = 12
"""More rows of sentences nobody reads on the page; the table's own file has them."""

TITLE: Final = "Why is a net with fewer MACs not faster?"

METHOD: Final = """\
A layer is bound by the ceiling that it comes near to (the machine's matrix product, or its copy of memory); a layer
that is far below both is too small (*overhead*, with the time between layers) or has a *slow kernel*. The *share of
the ceilings* is the least time of all layers over the time of the call. Bytes are those that operators take and give:
what a cache keeps is not seen. Layers are timed under the torch profiler, which slows small ones most."""

LACKING: Final = (
    "What bounds these nets cannot be told: the run has no ceilings of the machine, or no times of layers. "
    "`python -m zoobench run --preset default` measures both."
)

_PARTS: Final = {
    Bound.COMPUTE: "computing",
    Bound.BANDWIDTH: "memory",
    Bound.KERNEL: "slow kernels",
    Bound.OVERHEAD: "overhead",
    Bound.LAUNCH: "launching",
    Bound.ALLOCATOR: "page faults",
}
_ALWAYS: Final = (Bound.COMPUTE, Bound.BANDWIDTH, Bound.KERNEL, Bound.OVERHEAD)
_LEAST_NAMED_RATIO = 0.01
_MOST_NAMED = 3

_PAIR_COLUMNS = (
    Column("light", "Fewer MACs"),
    Column("heavy", "More MACs"),
    Column("macs_text", "MACs"),
    Column("latency_text", "Latency"),
    Column("light_diagnosis", "The slower net is"),
    Column("heavy_diagnosis", "The faster net is"),
    Column("elsewhere", "Called otherwise"),
)
_PAIR_NUMBERS = ("macs_ratio", "latency_ratio", "deviation")
_ELSEWHERE_COLUMNS = (
    Column("light", "Fewer MACs"),
    Column("heavy", "More MACs"),
    Column(SETTING, "Setting"),
    Column("batch", "Batch"),
    Column("precision", "Precision"),
    Column("ratio_text", "Latency, fewer over more"),
    Column("relation", "The net with fewer MACs is"),
)


class Why(NamedTuple):
    """What the section says: the sentences that answer, then its tables. `found` are the run's diagnosed cases.

    `setting` is the one whose nets are compared.
    """

    setting: str
    found: tuple[Diagnosed, ...]
    sentences: tuple[str, ...]
    pairs: Table
    elsewhere: Table
    diagnoses: Table


class _Workload(NamedTuple):
    """What the section is about: a run's nets at the headline case, and what is known of each of them there."""

    setting: str
    nets: pd.DataFrame
    rows: pd.DataFrame
    diagnoses: Mapping[str, Diagnosis]


def explain(view: View, runs: Sequence[StoredRun]) -> Why:
    """The section's content, of the newest run that can be diagnosed; of the newest one if none can."""
    stored = diagnosed_run(runs)
    found = collect_diagnosed(stored) if stored else ()
    workload = _workload(view, stored.run.run_id if stored else "", found)
    pairs = inverted_pairs(workload.nets)
    known = latencies(workload.rows)
    elsewhere = _elsewhere(pairs.head(MOST_PAIRS), known, workload, view)
    return Why(
        setting=workload.setting,
        found=found,
        sentences=tuple(_sentences(view, workload, pairs, known, found)),
        pairs=_pairs_table(pairs, elsewhere, workload),
        elsewhere=_elsewhere_table(elsewhere),
        diagnoses=_diagnoses_table(workload.rows, found),
    )


def render_why(why: Why, images: Sequence[str], *, most_rows: int, folder: str) -> str:
    """The section of the page; empty if no two nets can be compared. `folder` holds the tables' files."""
    if not why.sentences:
        return ""
    lead = [f"## {TITLE}", "\n".join(f"- {sentence}" for sentence in why.sentences)]
    pairs = render_cut_table(why.pairs, most_rows=MOST_PAIRS, rest=f"{folder}/{why.pairs.key}.csv")
    if not why.found:
        return "\n\n".join([*lead, LACKING, pairs])
    diagnoses = render_cut_table(why.diagnoses, most_rows=most_rows, rest=f"{folder}/{why.diagnoses.key}.md")
    return "\n\n".join([*lead, METHOD, pairs, *images, f"### {why.diagnoses.title}", diagnoses])


def figures_text(found: Diagnosis | None) -> str:
    """The bound and the parts of a call behind it, the largest first."""
    if found is None:
        return NOT_MEASURED
    parts = sorted(((found.parts[bound], name) for bound, name in _PARTS.items()), reverse=True)
    named = ", ".join(f"{name} {_percent(ratio)}" for ratio, name in parts if ratio >= _LEAST_NAMED_RATIO)
    return f"{found.bound.value} at {_percent(found.reached_ratio)} of the ceilings ({named})"


def _workload(view: View, run_id: str, found: Iterable[Diagnosed]) -> _Workload:
    rows = view.rows[view.rows["run_id"] == run_id]
    setting = str(rows[SETTING].iloc[0]) if len(rows) else ""
    headline = at_point(rows[rows[SETTING] == setting], view.point).drop_duplicates("case_id")
    names = dict(zip(headline["case_id"].astype(str), headline[NAME].astype(str), strict=True))
    diagnoses = {names[each.case.id]: each.diagnosis for each in found if each.case.id in names}
    return _Workload(setting, compared(view, setting), rows, diagnoses)


def _sentences(
    view: View, workload: _Workload, pairs: pd.DataFrame, known: pd.DataFrame, found: Sequence[Diagnosed]
) -> Iterator[str]:
    count = len(workload.nets)
    if count < 2:  # noqa: PLR2004  a pair
        return
    yield _count(count, pairs, str(view.point))
    if len(pairs) and workload.diagnoses:
        yield from _bounds(pairs, workload.diagnoses)
    yield from _featured(workload, known, found)


def _count(count: int, pairs: pd.DataFrame, point: str) -> str:
    possible = count * (count - 1) // 2
    of_all = f"Of {possible} {'pair' if possible == 1 else 'pairs'} of {count} models ({point})"
    if pairs.empty:
        return f"{of_all}, none is in the opposite order by MACs and by latency beyond both intervals."
    first = pairs.iloc[0]
    return (
        f"{of_all}, {len(pairs)} {'is' if len(pairs) == 1 else 'are'} in the opposite order by MACs and by latency: "
        "the net with fewer MACs is the slower one beyond both intervals. Furthest apart are "
        f"{_name(first['light'])} and {_name(first['heavy'])}: {_times(first['macs_ratio'])} fewer MACs, and "
        f"{_times(first['latency_ratio'])} as long."
    )


def _bounds(pairs: pd.DataFrame, diagnoses: Mapping[str, Diagnosis]) -> Iterator[str]:
    """The answer: MACs tell the time of nets that compute at one rate, and these do not."""
    slower, faster = ([diagnoses[name] for name in pairs[side] if name in diagnoses] for side in ("light", "heavy"))
    if slower and faster:
        yield (
            "MACs tell the time of nets that compute at the same rate, and these do not: the slower net of a pair is "
            f"{_report(slower)}, the faster one {_report(faster)}."
        )


def _report(diagnoses: Sequence[Diagnosis]) -> str:
    counts = Counter(found.bound.value for found in diagnoses).most_common()
    bounds = ", ".join(f"{bound} in {count} of {len(diagnoses)}" for bound, count in counts)
    reached = median(found.reached_ratio for found in diagnoses)
    return f"{bounds} (in the median {_percent(reached)} of the ceilings)"


def _featured(workload: _Workload, known: pd.DataFrame, found: Sequence[Diagnosed]) -> Iterator[str]:
    """The pair that the rooflines show, at each batch in fp32, whether in order or not."""
    nets = workload.nets.reset_index(drop=True)
    places = {str(name): place for place, name in enumerate(nets[NAME])}
    if not all(name in places for name in FEATURED):
        return
    light, heavy = sorted(places[name] for name in FEATURED)
    pair = pairs_of(nets, np.array([light]), np.array([heavy]))
    macs_ratio = float(pair["macs_ratio"].iloc[0])
    diagnoses = {each.case.id: each.diagnosis for each in found}
    for at in under_conditions(pair, known).to_dict("records"):
        both = [diagnoses.get(at[f"case_id_{side}"]) for side in ("light", "heavy")]
        if at[SETTING] == workload.setting and at["precision"] == Precision.FP32 and all(both):
            yield _pair_sentence(at, macs_ratio, both)


def _pair_sentence(at: Mapping[Any, Any], macs_ratio: float, both: Sequence[Diagnosis | None]) -> str:
    ratio = at["latency_ratio"]
    outcome = f"is {_times(1 / ratio)} as fast" if ratio < 1 else f"takes {_times(ratio)} as long"
    reasons = "; ".join(f"{_name(at[side])} is {found}" for side, found in zip(("light", "heavy"), both, strict=True))
    return (
        f"{_name(at['light'])} has {_times(macs_ratio)} fewer MACs than {_name(at['heavy'])}, and at batch "
        f"{at['batch']} it {outcome}: {reasons}."
    )


def _elsewhere(pairs: pd.DataFrame, known: pd.DataFrame, workload: _Workload, view: View) -> pd.DataFrame:
    """The pairs under every condition but the headline one."""
    found = under_conditions(pairs, known)
    if view.point is None:
        return found
    is_headline = (found[SETTING] == workload.setting) & (found["batch"] == view.point.batch)
    return found[~(is_headline & (found["precision"] == view.point.precision))].reset_index(drop=True)


def _pairs_table(pairs: pd.DataFrame, elsewhere: pd.DataFrame, workload: _Workload) -> Table:
    texts = {net[NAME]: _latency_text(net) for net in workload.nets.to_dict("records")}
    of_pair = dict(iter(elsewhere.groupby(["light", "heavy"], sort=False)))
    printed = pairs.assign(
        macs_text=[f"{_times(ratio)} fewer" for ratio in pairs["macs_ratio"]],
        latency_text=[
            f"{texts[light]} against {texts[heavy]}: {_times(ratio)} as long"
            for light, heavy, ratio in zip(pairs["light"], pairs["heavy"], pairs["latency_ratio"], strict=True)
        ],
        light_diagnosis=[figures_text(workload.diagnoses.get(name)) for name in pairs["light"]],
        heavy_diagnosis=[figures_text(workload.diagnoses.get(name)) for name in pairs["heavy"]],
        elsewhere=[
            _elsewhere_text(of_pair.get((light, heavy)))
            for light, heavy in zip(pairs["light"], pairs["heavy"], strict=True)
        ],
    )
    keys = [column.key for column in _PAIR_COLUMNS]
    return Table("why", TITLE, printed[[*keys, *_PAIR_NUMBERS]], _PAIR_COLUMNS, "No pair is out of order.")


def _elsewhere_text(rows: pd.DataFrame | None) -> str:
    """How often the order is the same, and where it is not."""
    if rows is None:
        return NOT_MEASURED
    is_slower = rows["relation"] == Relation.SLOWER
    parts = [f"slower in {int(is_slower.sum())} of {len(rows)}"]
    for relation in (Relation.FASTER, Relation.UNDECIDED):
        others = [_condition_text(row) for row in rows[rows["relation"] == relation].to_dict("records")]
        if others:
            more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
            parts.append(f"{relation.value} at {'; '.join(others[:_MOST_NAMED])}{more}")
    return "; ".join(parts)


def _condition_text(row: Mapping[Any, Any]) -> str:
    where = ", ".join(str(part) for part in (row[SETTING], f"batch {row['batch']}", row["precision"]) if part)
    return f"{where} ({_times(row['latency_ratio'])})"


def _elsewhere_table(elsewhere: pd.DataFrame) -> Table:
    frame = elsewhere.assign(ratio_text=[_times(ratio) for ratio in elsewhere["latency_ratio"]])
    keys = [column.key for column in _ELSEWHERE_COLUMNS]
    title = "The same pairs called otherwise"
    return Table("why_elsewhere", title, frame[[*keys, "latency_ratio"]], _ELSEWHERE_COLUMNS, "No other setting.")


def _diagnoses_table(rows: pd.DataFrame, found: Sequence[Diagnosed]) -> Table:
    """A row a diagnosed case: the share of the ceilings, the parts of its call, and the diagnosis in words."""
    cases = rows.drop_duplicates("case_id").set_index(rows.drop_duplicates("case_id")["case_id"].astype(str))
    places = {case_id: (str(setting), str(name)) for case_id, setting, name in cases[[SETTING, NAME]].itertuples()}
    listed = [(places[each.case.id], each) for each in found if each.case.id in places]
    shown = [bound for bound in Bound if bound in _ALWAYS or _is_ever_named(bound, found)]
    setting = [Column(SETTING, "Setting")] if len({setting for (setting, _), _ in listed}) > 1 else []
    columns = (
        *setting,
        Column(NAME, "Model"),
        Column("batch", "Batch"),
        Column("precision", "Precision"),
        Column("latency_s", "Latency", ColumnKind.NUMBER, metrics.SECONDS),
        Column("reached_ratio", "Share of the ceilings", ColumnKind.NUMBER, RATIO),
        Column("computed_ratio", "Of the matrix product's rate", ColumnKind.NUMBER, RATIO),
        *(Column(bound.value, _PARTS[bound].capitalize(), ColumnKind.NUMBER, RATIO) for bound in shown),
        Column("diagnosis", "Diagnosis"),
    )
    data = [{SETTING: place[0], NAME: place[1], **_row(each)} for place, each in listed]
    frame = pd.DataFrame(data, columns=[column.key for column in columns])
    numbers = [column.key for column in columns if column.kind is ColumnKind.NUMBER]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    return Table("diagnosis", "What bounds each net", frame, columns, "No case could be diagnosed.")


def _is_ever_named(bound: Bound, found: Iterable[Diagnosed]) -> bool:
    return any(each.diagnosis.parts[bound] >= _LEAST_NAMED_RATIO for each in found)


def _row(each: Diagnosed) -> dict[str, object]:
    found = each.diagnosis
    return {
        "batch": each.case.batch,
        "precision": each.case.precision.value,
        "latency_s": found.latency_s,
        "reached_ratio": found.reached_ratio,
        "computed_ratio": each.net.macs_per_s / each.roof.macs_per_s,
        **{bound.value: found.parts[bound] for bound in Bound},
        "diagnosis": str(found),
    }


def _latency_text(net: Mapping[Any, Any]) -> str:
    return format_interval(net["latency"], net["latency_low"], net["latency_high"], metrics.SECONDS)


def _name(name: object) -> str:
    return markdown_text(str(name))


def _times(ratio: float) -> str:
    """`6.03×`."""
    return f"{format_count(ratio)}×"


def _percent(ratio: float) -> str:
    return format_percent(ratio, digits=0)
