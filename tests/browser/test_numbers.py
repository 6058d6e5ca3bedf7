"""What the page shows and exports is what the frame holds."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from dom import choose, rows_of, show_all_rows
from playwright.sync_api import Page

from zoobench.cases import NOT_MEASURED, format_percent
from zoobench.records.store import StoredRun
from zoobench.report.frame import FAILED, OK, UNAVAILABLE, collect_frame
from zoobench.report.tables import format_interval

METRICS = {
    "Latency": "latency",
    "Images/s": "throughput",
    "Peak memory": "peak_allocated",
    "MACs": "macs",
    "Parameters": "parameters",
}
WORDS = {FAILED: "failed", UNAVAILABLE: "n/a"}


def expected_row(rows: pd.DataFrame) -> dict[str, str]:
    """A case's row of the table, made from the frame alone."""
    first = rows.iloc[0]
    of_metric = {row["metric"]: row for row in rows.to_dict("records")}
    return {
        "Model": first["model"],
        "Mode": first["mode"],
        "Precision": first["precision"],
        "Batch": str(first["batch"]),
        **{title: expected_text(of_metric.get(metric)) for title, metric in METRICS.items()},
        "Published top-1": format_percent(first["top1_ratio"]),
    }


def expected_text(row: dict[str, object] | None) -> str:
    if row is None:
        return NOT_MEASURED
    if row["status"] != OK:
        return WORDS[row["status"]]
    return format_interval(row["value"], row["low"], row["high"], row["unit"])


def in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: (row["Model"], row["Mode"], row["Precision"], row["Batch"]))


def downloaded(page: Page, table: str, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.locator(f"#table-{table}_wrapper").get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{table}.csv"
    download.value.save_as(folder / "export.csv")
    with (folder / "export.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_number_of_every_case_is_the_frame_s(opened, page_of_run: Path, run: StoredRun) -> None:
    page = opened(page_of_run)
    show_all_rows(page, "cases")

    shown = rows_of(page, "cases")
    frame = collect_frame([run])
    expected = [expected_row(rows) for _, rows in frame.groupby("case_id", observed=True)]

    assert len(shown) == len(run.records)
    assert in_order([{title: row[title] for title in expected[0]} for row in shown]) == in_order(expected)
    assert any(row["Latency"] == "failed" for row in shown)
    assert any("±" in row["Latency"] for row in shown)


def test_a_case_that_failed_or_is_not_valid_stands_last_and_says_why(opened, page_of_run: Path) -> None:
    page = opened(page_of_run)
    show_all_rows(page, "cases")
    page.get_by_role("columnheader", name="Latency").last.click()

    rows = rows_of(page, "cases")
    is_valid = [row["Outcome"] == "valid" for row in rows]
    assert is_valid == sorted(is_valid, reverse=True)
    assert {row["Outcome"] for row in rows} == {"valid", "noisy", "failed"}
    assert all(row["Why"] for row in rows if row["Outcome"] != "valid")
    failure = next(row for row in rows if row["Outcome"] == "failed")
    assert failure["Why"] == "out-of-memory in training step: DefaultCPUAllocator: can't allocate 9 GB"
    struck = page.locator("#table-cases tr.invalid s").all_text_contents()
    assert len(struck) > 0


def test_an_export_holds_the_rows_that_are_shown_in_their_order(opened, page_of_run: Path, tmp_path: Path) -> None:
    page = opened(page_of_run)
    show_all_rows(page, "cases")
    choose(page, "case-filter", {"case.mode": "infer", "case.batch": "8"})
    page.locator("#table-cases_wrapper input[type=search]").fill("net")
    heading = page.locator("#table-cases thead th", has_text="Latency")
    heading.click()
    heading.click()

    shown = rows_of(page, "cases")
    assert {(row["Mode"], row["Batch"]) for row in shown} == {("infer", "8")}
    assert "xception" not in {row["Model"] for row in shown}
    assert downloaded(page, "cases", tmp_path) == shown


@pytest.mark.parametrize("table", ["ranks", "zoo"])
def test_other_tables_are_exported_as_they_are_shown(opened, page_of_run: Path, tmp_path: Path, table: str) -> None:
    page = opened(page_of_run)
    assert downloaded(page, table, tmp_path) == rows_of(page, table)
