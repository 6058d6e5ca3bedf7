"""A printed page holds every row of its tables; afterwards it is as it was."""

from __future__ import annotations

from pathlib import Path

from dom import choose, rows_of
from playwright.sync_api import Page, expect

from zoobench.records.store import StoredRun

TABLES = ("cases", "latency")
LAID_OUT_PX, PAPER_PX = 950, 1430
"""Widths at which Chromium lays out a page of A4, and up to which it makes one smaller so that all of it is printed."""

CONTROLS = "#filter, #case-filter, .dt-search, .dt-paging, .dt-length, .dt-buttons, .exports, .contents, #theme, #pane"


def counts(page: Page) -> dict[str, int]:
    return {table: len(rows_of(page, table)) for table in TABLES}


def watch(page: Page) -> None:
    """Notes, once the page itself has made ready for the printer, how many rows there are."""
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
          window.printed = Object.fromEntries([...document.querySelectorAll("main table[id]")]
            .map(table => [table.id, table.tBodies[0].rows.length]));
        })"""
    )


def test_every_row_is_printed_and_the_pages_of_tables_come_back(opened, page_of_run: Path, run: StoredRun) -> None:
    page = opened(page_of_run)
    page.locator("#table-cases_wrapper .dt-paging").get_by_role("link", name="2", exact=True).click()
    before, second = counts(page), rows_of(page, "cases")
    assert before["cases"] < len(run.records)
    watch(page)

    page.emulate_media(media="print")
    assert page.pdf().startswith(b"%PDF")
    printed = page.evaluate("window.printed")

    assert printed["table-cases"] == len(run.records)
    assert rows_of(page, "cases") == second
    assert counts(page) == before


def test_what_a_filter_leaves_out_is_not_printed_and_controls_are_not(
    opened, page_of_run: Path, run: StoredRun
) -> None:
    page = opened(page_of_run)
    choose(page, "case-filter", {"case.mode": "infer"})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wanted = sum(record.case.mode.value == "infer" for record in run.records)
    assert len(rows_of(page, "cases")) == wanted
    assert page.locator(CONTROLS).evaluate_all("all => all.filter(each => each.checkVisibility()).length") == 0

    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(rows_of(page, "cases")) == min(25, wanted)


def test_no_column_reaches_beyond_the_paper(opened, page_of_run: Path) -> None:
    page = opened(page_of_run, width=LAID_OUT_PX)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    beyond = page.locator("main table").evaluate_all(
        "(all, most) => all.filter(each => each.getBoundingClientRect().right > most).map(each => each.id)", PAPER_PX
    )
    assert beyond == []


def test_a_dark_page_is_printed_light(opened, page_of_run: Path) -> None:
    page = opened(page_of_run, theme="dark")
    near, far = (page.locator(f"#chart-{key} svg .role-axis text").first for key in ("which-model", "throughput"))
    ink = near.get_attribute("fill")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for text in (near, far):
        expect(text).not_to_have_attribute("fill", str(ink))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    for text in (near, far):
        expect(text).to_have_attribute("fill", str(ink))
    assert page.locator("html").evaluate("html => html.classList.contains('dark')")
