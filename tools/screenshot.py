"""Take README's picture of the page: docs/report.png, the first section of the reference run's page.

    python tools/screenshot.py

The page is made anew from results/reference, so that the picture shows what this zoobench writes. Exit code: 0, or 2
where there is no Chromium or no run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from chromium import launch, path_of_chromium
from playwright.sync_api import Browser, Page

from zoobench.cases import ZoobenchError
from zoobench.records import store
from zoobench.report.html import render_html
from zoobench.report.report_data import collect_report_data

ROOT: Final = Path(__file__).parents[1]
RUNS: Final = ROOT / "results" / "reference"
PICTURE: Final = ROOT / "docs" / "report.png"
SECTION: Final = "which-model"
WIDTH_PX: Final = 1280
_ROWS: Final = 10
"""Of the ranks, below the chart: enough to see what they are."""


def main() -> int:
    """Take the picture, and print where it is."""
    chromium = path_of_chromium()
    if chromium is None:
        print("screenshot: no Chromium is installed (Debian: apt-get install chromium)")
        return 2
    try:
        page = render_html(collect_report_data([store.load_run(RUNS, store.newest_run(RUNS))]))
    except ZoobenchError as error:
        print(f"screenshot: {error}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.html"
        path.write_text(page, encoding="utf-8")
        with launch(chromium) as browser:
            PICTURE.write_bytes(take_picture(browser, path))
    print(f"{PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size / 1000:.0f} kB")
    return 0


def take_picture(browser: Browser, path: Path) -> bytes:
    """A PNG, from the top of the page to the first rows of the ranks."""
    page = browser.new_page(viewport={"width": WIDTH_PX, "height": 800}, color_scheme="light")
    page.goto(path.as_uri())
    page.wait_for_selector(f"#chart-{SECTION} svg .mark-symbol path", state="attached")
    height = _end_of_picture(page)
    page.set_viewport_size({"width": WIDTH_PX, "height": height})
    return page.screenshot()


def _end_of_picture(page: Page) -> int:
    *_, last = page.locator(f"#{SECTION} tbody tr").all()[:_ROWS]
    return int(last.evaluate("row => Math.ceil(row.getBoundingClientRect().bottom)"))


if __name__ == "__main__":
    sys.exit(main())
