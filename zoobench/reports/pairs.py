"""Pairs of nets whose order by multiply-accumulates is not their order by latency."""

from __future__ import annotations

import enum

import numpy as np
import pandas as pd

from zoobench.cases import Mode
from zoobench.frame import LATENCY
from zoobench.reports.selection import NAME, SETTING, Point, View, measured, models_at

CONDITION = [SETTING, "batch", "precision"]
"""What tells the ways of calling a net apart."""

_OF_A_NET = ("case_id", "value", "low", "high")


class Relation(enum.StrEnum):
    """Of the net with fewer MACs to the other one; undecided where the intervals of their latencies meet."""

    SLOWER = "slower"
    FASTER = "faster"
    UNDECIDED = "undecided"


def compared(view: View, setting: str, point: Point | None = None) -> pd.DataFrame:
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
