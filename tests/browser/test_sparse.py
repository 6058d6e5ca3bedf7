"""Runs with little in them make a page that is as sound as any."""

from __future__ import annotations

import pytest
from dom import rows_of, spots
from playwright.sync_api import Page
from synthetic import failed, make_case, make_run, realistic_record

from zoobench.cases import Mode

SECTIONS = 9


def titles(page: Page) -> list[str]:
    return [text for text in page.locator("main h2").all_text_contents() if text]


@pytest.mark.parametrize("runs", [(), (make_run(()),)], ids=["no run", "empty"])
def test_an_empty_run_says_what_would_fill_it(opened, written, runs) -> None:
    page = opened(written(*runs))
    assert len(titles(page)) == SECTIONS
    assert "No case was recorded: python -m zoobench run --preset quick measures nine models." in page.locator(
        "#which-model"
    ).inner_text()  # fmt: skip
    assert page.locator("form").count() == 0


def test_a_run_of_failures_has_its_cases_and_no_pick(opened, written) -> None:
    page = opened(written(make_run([failed(make_case(mode=mode), "no <memory>") for mode in Mode])))
    assert len(titles(page)) == SECTIONS
    assert page.locator("#which-model-answer").inner_text().startswith("No case can be picked.")
    assert "No case that keeps the limits has both numbers." in page.locator("#chart-which-model").inner_text()
    assert [row["Outcome"] for row in rows_of(page, "cases")] == ["failed", "failed"]
    page.locator("#table-cases tbody button").first.click()
    assert "no <memory>" in page.locator("#pane").inner_text()


def test_one_case_is_picked_and_is_the_front(opened, written) -> None:
    page = opened(written(make_run([realistic_record(make_case())])))
    assert page.locator("#which-model-answer").inner_text().startswith("resnet18 has the lowest latency of 1 case:")
    (row,) = rows_of(page, "ranks")
    assert (row["Model"], row["Front"]) == ("resnet18", "on it")
    spots(page, 1)
