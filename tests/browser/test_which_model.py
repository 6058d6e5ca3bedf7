"""Which model for me: a filter moves the chart, the ranks and the pick together, and the address keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from dom import choose, corners, rows_of, spots
from playwright.sync_api import Page, expect

from zoobench.records.store import StoredRun
from zoobench.report.frame import OK, collect_frame

TITLES = {"latency": "Latency", "throughput": "Images/s", "macs": "MACs", "top1": "Published top-1"}
HIGHER_IS_BETTER = {"throughput", "top1"}
TIMED = {"latency", "throughput"}
MEASURED = ("latency", "throughput", "macs", "peak_allocated")
MS, MIB = 1e-3, 2.0**20


class Asked(NamedTuple):
    """A filter: what is typed, and which of the frame's cases it leaves."""

    fields: dict[str, str]
    mode: str = "infer"
    precision: str = "fp32"
    batch: int = 1
    most_s: float = float("inf")
    most_bytes: float = float("inf")
    least_top1: float = 0.0
    goal: str = "latency"
    axes: tuple[str, str] = ("latency", "top1")


FILTERS = (
    Asked({}),
    Asked({"batch": "8", "precision": "amp-bf16"}, precision="amp-bf16", batch=8),
    Asked({"latency": "12", "accuracy": "57"}, most_s=12 * MS, least_top1=0.57),
    Asked({"memory": "40", "goal": "throughput", "x": "macs"}, most_bytes=40 * MIB, goal="throughput",
          axes=("macs", "top1")),
    Asked({"batch": "8", "x": "throughput", "y": "macs", "goal": "top1"}, batch=8, goal="top1",
          axes=("throughput", "macs")),
)  # fmt: skip


def cases_left(frame: pd.DataFrame, asked: Asked) -> list[dict[str, Any]]:
    """Each with its metrics' values, those of a time only."""
    found = [_case(rows) for _, rows in frame.groupby("case_id", observed=True, sort=False)]
    return [
        case
        for case in found
        if (case["mode"], case["precision"], case["batch"]) == (asked.mode, asked.precision, asked.batch)
        and case["latency"] <= asked.most_s
        and case["peak_allocated"] <= asked.most_bytes
        and case["top1"] >= asked.least_top1
    ]


def _case(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    measured = rows[rows["status"] == OK].set_index("metric")
    return {
        **first[["model", "mode", "precision", "batch"]],
        **{metric: measured["value"].get(metric, math.nan) for metric in MEASURED},
        "top1": first["top1_ratio"],
        "is_valid": measured["validity"].get("latency") == "valid",
    }


def usable(cases: Iterable[dict[str, Any]], *metrics: str) -> list[dict[str, Any]]:
    """No time that is not valid counts."""
    return [case for case in cases if case["is_valid"] or not TIMED & set(metrics)]


def front_of(cases: Sequence[dict[str, Any]], axes: tuple[str, str]) -> set[str]:
    """Models that no other one beats, by the definition: none is as good on both and better on one."""
    signs = [-1 if axis in HIGHER_IS_BETTER else 1 for axis in axes]
    points = {case["model"]: [sign * case[axis] for sign, axis in zip(signs, axes, strict=True)] for case in cases}
    return {
        model
        for model, point in points.items()
        if not any(
            all(theirs <= ours for theirs, ours in zip(other, point, strict=True)) and other != point
            for other in points.values()
        )
    }


def ordered(cases: Iterable[dict[str, Any]], goal: str) -> list[str]:
    found = sorted(cases, key=lambda case: case[goal], reverse=goal in HIGHER_IS_BETTER)
    return [case["model"] for case in found]


@pytest.fixture(scope="module")
def frame(page_of_run: Path, run: StoredRun) -> pd.DataFrame:
    return collect_frame([run])


def test_a_filter_moves_chart_ranks_front_and_pick_together(opened, page_of_run: Path, frame: pd.DataFrame) -> None:
    page = opened(page_of_run)
    for asked in FILTERS:
        page.get_by_role("button", name="Reset").click()
        choose(page, "filter", asked.fields)
        left = cases_left(frame, asked)
        placed = ordered(usable(left, asked.goal), asked.goal)
        front = front_of(usable(left, *asked.axes), asked.axes)
        assert len(left) >= len(front) >= 1

        rows = rows_of(page, "ranks")
        assert [row["Model"] for row in rows[: len(placed)]] == placed
        assert {row["Model"] for row in rows} == {case["model"] for case in left}
        assert {row["Model"] for row in rows if row["Front"] == "on it"} == front
        assert page.locator("#which-model-answer").inner_text().startswith(f"{placed[0]} has ")
        assert_chart(page, rows, asked.axes, front)


def assert_chart(page: Page, rows: list[dict[str, str]], axes: tuple[str, str], front: set[str]) -> None:
    """A point a row, with the row's numbers; the dashed line has its corners at the front's points."""
    wanted = {
        row["Model"]: ", ".join([row["Model"], *(f"{TITLES[axis]} {row[TITLES[axis]]}" for axis in axes)])
        for row in rows
    }
    across, up = (TITLES[axis] for axis in axes)
    title = page.locator('[data-chart="which-model"] .title')
    expect(title).to_have_text(f"{up} against {across}", ignore_case=True)
    for text in wanted.values():
        expect(page.locator(f'#chart-which-model svg path[aria-label^="{text}"]')).to_have_count(1)
    places = spots(page, len(rows))
    of_model = {text.split(",")[0]: place for text, place in places.items()}
    assert {model for model, place in of_model.items() if place in corners(page)} == front


def test_a_time_that_is_not_valid_is_picked_only_if_one_asks_for_it(opened, page_of_run: Path) -> None:
    page = opened(page_of_run)
    answer = page.locator("#which-model-answer")
    choose(page, "filter", {"goal": "throughput", "accuracy": "71"})
    assert "mobilenet_v2" not in answer.inner_text()
    assert "1 has a time that is not valid, and could not be picked." in answer.inner_text()

    page.get_by_label("Pick from times that are not valid too").check()
    assert answer.inner_text().startswith("mobilenet_v2 has the most images/s")
    assert rows_of(page, "ranks")[0]["Model"] == "mobilenet_v2"


def state(page: Page) -> dict[str, Any]:
    fields = "form => Object.fromEntries(new FormData(form))"
    return {
        "filter": page.locator("#filter").evaluate(fields),
        "answer": page.locator("#which-model-answer").inner_text(),
        "ranks": rows_of(page, "ranks"),
        "case filter": page.locator("#case-filter").evaluate(fields),
        "search": page.locator("#table-cases_wrapper input[type=search]").input_value(),
        "cases": rows_of(page, "cases"),
    }


def test_the_address_restores_the_view_in_another_tab(opened, page_of_run: Path) -> None:
    first = opened(page_of_run)
    usual = state(first)
    choose(first, "filter", {"precision": "amp-bf16", "latency": "60", "goal": "top1", "x": "macs"})
    choose(first, "case-filter", {"case.mode": "train"})
    first.locator("#table-cases_wrapper input[type=search]").fill("net")
    sent = state(first)
    assert sent != usual

    second = opened(page_of_run, first.url.split("#")[1])
    assert state(second) == sent
    assert second.url == first.url

    second.evaluate("location.hash = 'which-model?batch=8'")
    expect(second.locator("#filter [name=batch]")).to_have_value("8")
    expect(second.locator("#filter [name=latency]")).to_have_value("")
    assert {row["Batch"] for row in rows_of(second, "cases")} == {"1", "8"}


def test_what_makes_no_sense_in_an_address_is_passed_over(opened, page_of_run: Path) -> None:
    page = opened(page_of_run, "nowhere?x=nothing&batch=7&latency=abc&goal=%00&length=1&case.mode=x&case=%22%3E")
    usual = opened(page_of_run)
    assert state(page) == state(usual)
    assert not page.locator("#pane").is_visible()

    for query in ("precision=fp64", "memory=1e999", "accuracy=%20", "namedItem=1&__proto__=2", "%"):
        page.evaluate("query => { location.hash = `which-model?${query}` }", query)
        expect(page.locator("#filter [name=precision]")).to_have_value("fp32")
        assert state(page) == state(usual)
