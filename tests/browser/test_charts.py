"""Every chart is drawn: in the light and the dark, wide and narrow, without a text on another or beyond its room."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from audits import three_models
from bounded_nets import CEILINGS, bounded_run, profiled
from dom import cut_off, overflow_px, overlapping
from playwright.sync_api import Page, expect
from searches import searched
from synthetic import HOSTILE, default_run, make_run

from zoobench.cases import Mode, ModelRef
from zoobench.records import CaseRecord
from zoobench.records.store import StoredRun

MODELS = ("alexnet", "resnet18", "squeezenet1_1", "shufflenet_v1_g3_x0_5", "mobilenet_v2")
KEYS = {
    *("which-model", "families-macs", "order-batch-1", "order-batch-8", "roofline-fp32", "throughput"),
    *("speed-up-infer-amp-bf16", "frontier-0", "frontier-1", "other-counters"),
}


def run_of_everything(*more: CaseRecord) -> StoredRun:
    """Cases of each kind that a chart is made from, on a machine whose ceilings are known."""
    searches = [searched(name, mode=mode, slope=2.0**21 * (1 + at)) for mode in Mode for at, name in enumerate(MODELS)]
    profiles = bounded_run(("alexnet", "resnet18", "squeezenet1_1")).records
    profiled_ids = {each.case.id for each in profiles}
    others = [each for each in default_run().records if each.case.id not in profiled_ids]
    audits = [msgspec.structs.replace(each, is_planned=True) for each in three_models().records]
    run = make_run([*profiles, *others, *searches, *audits, *more])
    environment = msgspec.structs.replace(run.run.environment, ceilings=CEILINGS)
    return msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, environment=environment))


def charts_of(page: Page) -> list[str]:
    """Every chart but the pane's, once it is drawn."""
    keys: list[str] = page.locator("main [data-chart]").evaluate_all("all => all.map(each => each.dataset.chart)")
    for key in keys:
        page.locator(f'[data-chart="{key}"]').scroll_into_view_if_needed()
        expect(page.locator(f"#chart-{key} svg .mark-symbol path").first).to_be_attached()
    return keys


@pytest.fixture(scope="module")
def full_page(written) -> Path:
    return written(run_of_everything())


@pytest.mark.parametrize(("width", "theme"), [(380, "dark"), (1280, "light")])
def test_texts_lie_beside_each_other_and_within_the_room(opened, full_page: Path, width: int, theme: str) -> None:
    page = opened(full_page, width=width, theme=theme)
    keys = charts_of(page)
    assert set(keys) >= KEYS
    assert {key: found for key in keys if (found := overlapping(page, key))} == {}
    assert {key: found for key in keys if (found := cut_off(page, key))} == {}
    assert overflow_px(page) <= 0


def test_every_chart_can_be_saved_and_says_what_it_shows(opened, full_page: Path) -> None:
    page = opened(full_page)
    charts_of(page)
    for key in sorted(KEYS):
        figure = page.locator(f'[data-chart="{key}"]')
        assert len(figure.locator(".alt").inner_text()) > 40
        said = figure.locator("svg .mark-symbol path[aria-label]").first.get_attribute("aria-label")
        assert said
        with page.expect_download() as download:
            figure.get_by_role("button", name="Save the chart as SVG").click()
        assert download.value.suggested_filename == f"{key}.svg"
        assert "<svg" in download.value.path().read_text(encoding="utf-8")


def test_hostile_names_are_texts_in_charts(opened, written) -> None:
    record = profiled("squeezenet1_1")
    hostile = [
        msgspec.structs.replace(
            record, case=msgspec.structs.replace(record.case, model=ModelRef("import", f"pkg:{text}"))
        )
        for text in HOSTILE
    ]
    page = opened(written(run_of_everything(*hostile)), width=380)
    charts_of(page)
    assert overflow_px(page) <= 0
    assert page.locator("#why-slow svg script, #why-slow svg image, #why-slow svg a").count() == 0
    names = page.locator("#chart-order-batch-1 svg text").all_text_contents()
    assert any(name.startswith("pkg:</script>") for name in names)
