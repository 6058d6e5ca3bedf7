"""The page is for everybody: by keyboard, on a small screen, in the dark, and with a screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from dom import overflow_px, overlapping, rows_of, spots
from playwright.sync_api import Page, expect
from synthetic import default_run, failed, make_calibration, make_case, make_run, realistic_record

from zoobench.records.store import StoredRun

FEW = {"alexnet", "mobilenet_v2", "xception"}
GRAVE = {"serious", "critical"}
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"
VISIBLE = f"""[...document.querySelectorAll("{CONTROLS}")].filter(each => each.checkVisibility() && !each.disabled
    && each.tabIndex >= 0 && !each.closest("dialog"))"""


@pytest.fixture(scope="module")
def full_page(written, run: StoredRun) -> Path:
    """Of two runs, with whatever else fabricated runs have; of few models, since axe looks at each cell."""
    few = tuple(record for record in run.records if record.case.model.name in FEW)
    environment = msgspec.structs.replace(run.run.environment, calibration=make_calibration())
    calibrated = msgspec.structs.replace(
        run, records=few, run=msgspec.structs.replace(run.run, environment=environment)
    )
    other = make_run([realistic_record(make_case())], run_id="20260302T100000.000Z-head", label="head", commit="2")
    return written(calibrated, other)


@pytest.fixture(scope="module")
def crowded_page(written) -> Path:
    return written(default_run((1,)))


@pytest.fixture(scope="module")
def short_page(written) -> Path:
    """Few enough cases that one can tab through all of them."""
    cases = [make_case("alexnet", batch=batch) for batch in (1, 8)]
    return written(make_run([*map(realistic_record, cases), failed(make_case("vgg16"))]))


def grave_violations(page: Page, part: str = "html") -> list[str]:
    """What axe-core finds, by rule, with the first place where it is. It is run by the debugger, past the policy."""
    found: list[dict[str, Any]] = Axe().run(page, part).response["violations"]
    return [
        f"{each['id']} × {len(each['nodes'])}: {each['help']}: {each['nodes'][0]['html'][:200]}"
        f" {each['nodes'][0].get('failureSummary', '')[:300]}"
        for each in found
        if each["impact"] in GRAVE
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave(opened, full_page: Path, theme: str) -> None:
    page = opened(full_page, theme=theme)
    assert page.locator("html").evaluate("html => html.classList.contains('dark')") == (theme == "dark")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert grave_violations(page) == []

    page.locator("#table-cases tbody button").first.click()
    expect(page.locator("#chart-strip svg")).to_be_visible()
    assert grave_violations(page, "#pane") == []


@pytest.mark.parametrize("width", [380, 1440])
def test_the_page_is_no_wider_than_the_window_and_no_label_lies_on_another(
    opened, crowded_page: Path, width: int
) -> None:
    page = opened(crowded_page, width=width)
    expect(page.locator("#chart-which-model svg")).to_be_visible()
    assert overflow_px(page) <= 0
    assert overlapping(page, "which-model") == []

    page.locator("#table-cases tbody button").first.click()
    expect(page.locator("#chart-strip svg")).to_be_visible()
    assert page.locator("#pane").evaluate("pane => pane.scrollWidth - pane.clientWidth") <= 0


def test_tab_reaches_every_control_in_the_order_of_the_page(opened, short_page: Path) -> None:
    page = opened(short_page)
    count = page.evaluate(f"(window.wanted = {VISIBLE}).length")
    reached = []
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("window.wanted.indexOf(document.activeElement)"))
        if reached[-1] == count - 1:
            break
    seen = [at for at in reached if at >= 0]
    assert sorted(set(seen)) == list(range(count))
    assert seen == sorted(seen)


def test_the_keyboard_alone_sets_a_filter_and_opens_a_case(opened, short_page: Path) -> None:
    page = opened(short_page)
    tab_to(page, "document.activeElement.name === 'batch'")
    page.keyboard.press("ArrowDown")
    assert page.locator("#filter [name=batch]").input_value() == "8"
    assert [row["Model"] for row in rows_of(page, "ranks")] == ["alexnet"]
    spots(page, 1)

    tab_to(page, "document.activeElement.closest('#table-cases tbody') && document.activeElement.tagName === 'BUTTON'")
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).to_be_visible()
    tab_to(page, "document.activeElement.id === 'pane-close'")
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).not_to_be_visible()


def tab_to(page: Page, condition: str) -> None:
    for _ in range(100):
        if page.evaluate(f"Boolean({condition})"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"not reached: {condition}")


def test_the_reader_s_choice_of_light_and_dark_outlives_a_reload(opened, short_page: Path) -> None:
    page = opened(short_page, theme="light")
    ink = page.locator("#chart-which-model svg .role-axis text").first.get_attribute("fill")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("#chart-which-model svg .role-axis text").first).not_to_have_attribute("fill", str(ink))
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("html").evaluate("html => html.classList.contains('dark')")
