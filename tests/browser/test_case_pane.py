"""A case's pane: it opens by mouse, by keyboard and by address, and shows all that the record says."""

from __future__ import annotations

from pathlib import Path

from dom import rows_of, show_all_rows
from playwright.sync_api import Page, expect

from zoobench.cases import Mode
from zoobench.records import CaseRecord
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.report.html.cases import measure_again, show_all


def record_of(run: StoredRun, model: str, mode: Mode = Mode.INFER) -> CaseRecord:
    return next(found for found in run.records if (found.case.model.name, found.case.mode) == (model, mode))


def row(page: Page, *texts: str):
    found = page.locator("#table-cases tbody tr")
    for text in texts:
        found = found.filter(has_text=text)
    return found.first


def test_a_click_on_a_row_opens_its_case(opened, page_of_run: Path, run: StoredRun) -> None:
    page = opened(page_of_run)
    show_all_rows(page, "cases")
    record = record_of(run, "mobilenet_v2")
    shown = rows_of(page, "cases")
    row(page, "mobilenet_v2", "infer", "fp32").locator("td").nth(3).click()

    pane = page.locator("#pane")
    expect(pane).to_be_visible()
    assert page.locator("#pane-title").text_content() == record.case.id
    text = pane.inner_text()
    first = next(each for each in shown if (each["Model"], each["Mode"]) == ("mobilenet_v2", "infer"))
    assert first["Latency"] in text
    assert "warning: " in text
    assert "peak_reserved" not in text
    assert "cpu keeps no pool of memory that can be asked" in text
    assert pane.locator("pre").all_text_contents() == [
        measure_again(record.case),
        show_all(run.run.run_id, record.case),
    ]
    assert_samples(page, record)


def assert_samples(page: Page, record: CaseRecord) -> None:
    """A point a round, each as high as its sample: their order by height is that of the samples."""
    (latency,) = (found for found in record.measurements if found.metric == LATENCY)
    points = page.locator("#chart-strip svg .mark-symbol.role-mark path")
    expect(points).to_have_count(len(latency.samples))
    places = points.evaluate_all(
        "all => all.map(each => each.getAttribute('transform').match(/-?[\\d.]+/g).map(Number))"
    )
    by_round = sorted(places)
    heights = [-down for _, down in by_round]
    order = sorted(range(len(heights)), key=heights.__getitem__)
    assert order == sorted(order, key=lambda at: latency.samples[at])


def test_a_failed_case_says_why(opened, page_of_run: Path, run: StoredRun) -> None:
    record = record_of(run, "xception", Mode.TRAIN)
    page = opened(page_of_run, f"every-case?case={run.run.run_id}/{record.case.id}")

    expect(page.locator("#pane")).to_be_visible()
    text = page.locator("#pane").inner_text()
    assert "Failed: out-of-memory in training step: DefaultCPUAllocator: can't allocate 9 GB" in text
    assert not page.locator("#chart-strip").is_visible()
    assert page.locator("#pane pre").first.text_content() == measure_again(record.case)


def test_enter_opens_a_case_escape_closes_it_and_the_reader_is_where_they_were(opened, page_of_run: Path) -> None:
    page = opened(page_of_run)
    button = row(page, "squeezenet1_1").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).to_be_visible()
    assert "case=" in page.url
    assert page.evaluate("document.activeElement.closest('#pane') !== null")

    sent = opened(page_of_run, page.url.split("#")[1])
    expect(sent.locator("#pane")).to_be_visible()
    assert sent.locator("#pane-title").text_content() == page.locator("#pane-title").text_content()

    page.keyboard.press("Escape")
    expect(page.locator("#pane")).not_to_be_visible()
    assert "case=" not in page.url
    assert button.evaluate("button => button === document.activeElement")


def test_a_click_on_a_point_of_the_chart_opens_its_case(opened, page_of_run: Path) -> None:
    page = opened(page_of_run)
    page.locator('#chart-which-model svg path[aria-label^="resnet18"]').click()
    expect(page.locator("#pane")).to_be_visible()
    assert "resnet18" in str(page.locator("#pane-title").text_content())
