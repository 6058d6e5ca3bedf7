"""How long a page of many cases takes to open, and a filter to answer: `python benchmarks/bench_page.py`.

The run is fabricated (`tests/synthetic.py`), its page opened in headless Chromium. Opening ends when the page's scripts
have run and the first chart is drawn; a filter has answered when chart, ranks and sentence are, and the next frame has
begun. Prints medians and ranges. Exit code: 0, 1 if a median is beyond its limit, or 2 where there is no Chromium.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench_report import ROOT, fabricate, in_fresh_process, report
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(ROOT / "tools"))
from chromium import launch, path_of_chromium

OPEN_LIMIT_S = 3.0
FILTER_LIMIT_S = 0.2
BATCHES = ("2", "4", "8", "16", "32", "64", "128", "any")
"""One after the other, each unlike the one before: without a change nothing is drawn."""
_ROUNDS = 50
_ANSWER = """async (batch) => {
  const form = document.getElementById("filter");
  const drawn = new Promise((resolve) => {
    const observer = new MutationObserver(() => resolve(observer.disconnect()));
    const chart = document.getElementById("chart-which-model");
    observer.observe(chart, { subtree: true, childList: true, attributes: true });
  });
  const began = performance.now();
  form.elements.batch.value = batch;
  form.dispatchEvent(new Event("input"));
  await drawn;
  await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}"""


def main() -> int:
    """Fabricate, open, filter, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=5, help="the page is opened")
    asked = parser.parse_args()
    chromium = path_of_chromium()
    if chromium is None:
        print("bench_page: no Chromium is installed (Debian: apt-get install chromium)")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        path = make_page(Path(folder), asked.cases)
        print(f"{asked.cases:,} cases, a page of {path.stat().st_size / 1e6:.1f} MB")
        with launch(chromium) as browser:
            opened, answered = zip(*(open_and_filter(browser, path) for _ in range(asked.times)), strict=True)
    within = [
        is_within("opens", opened, OPEN_LIMIT_S),
        is_within("filter answers", [seconds for of_page in answered for seconds in of_page], FILTER_LIMIT_S),
    ]
    return int(not all(within))


def make_page(folder: Path, cases: int) -> Path:
    """The page of a fabricated run."""
    in_fresh_process(fabricate, folder, cases, _ROUNDS)
    in_fresh_process(report, folder, False)  # noqa: FBT003 - pickled by place
    return folder / "report" / "index.html"


def open_and_filter(browser: Browser, path: Path) -> tuple[float, list[float]]:
    """Seconds until it is open, and those of each filter."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector("#chart-which-model svg .mark-symbol path", state="attached")
    opened_s = time.perf_counter() - began
    answers_s = list(_answers(page))
    page.close()
    return opened_s, answers_s


def _answers(page: Page) -> Iterator[float]:
    return (float(page.evaluate(_ANSWER, batch)) for batch in BATCHES)


def is_within(what: str, seconds: Sequence[float], limit_s: float) -> bool:
    """Print the median with its range, and say whether it keeps the limit."""
    middle = statistics.median(seconds)
    print(f"{what:<15} {middle:.3f} s ({min(seconds):.3f} to {max(seconds):.3f}), limit {limit_s} s")
    return middle <= limit_s


if __name__ == "__main__":
    sys.exit(main())
