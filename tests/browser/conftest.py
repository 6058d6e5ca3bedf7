"""Pages of fabricated runs in a real browser, without a display; skipped where there is no Chromium.

Whatever a test does, in the end nothing may stand in the console, and nothing but the file may have been asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from chromium import launch, path_of_chromium
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request
from synthetic import CATALOGUE, FP32_AND_AMP, failed, make_case, make_run, realistic_record

from zoobench.cases import Case, Mode, catalogue
from zoobench.records import CaseRecord, Finding, Severity
from zoobench.records.store import StoredRun
from zoobench.report import write
from zoobench.report.html import assets

Written = Callable[..., Path]
Opened = Callable[..., Page]

_INSIDE = ("data:", "blob:")
"""Addresses of what the page itself has made."""

MODELS = ("alexnet", "resnet18", "squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0", "xception")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module; it is gone before others run, which may have an event loop of their own."""
    path = path_of_chromium()
    if path is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium): the page was not tried in a browser")
    with launch(path) as found:
        yield found


CHARTS_SCRIPT = functools.cache(assets.charts_script)
"""Made once."""


@pytest.fixture(autouse=True)
def _fabricated_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the frames that tests hold pages against."""
    monkeypatch.setattr(catalogue, "entries", lambda: CATALOGUE)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The page of these runs, as `write_report` writes it; nothing is patched but while it does."""

    def write_page(*runs: StoredRun) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(catalogue, "entries", lambda: CATALOGUE)
            patch.setattr(write, "write_charts", lambda charts, folder: ())
            patch.setattr(assets, "charts_script", CHARTS_SCRIPT)
            page = write.write_report(runs, tmp_path_factory.mktemp("report")).html
        assert page is not None
        return page

    return write_page


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens a file at a fragment in a tab of its own, whose reader has kept nothing, once its scripts have run."""
    contexts: list[BrowserContext] = []
    wrongs: list[str] = []

    def open_page(path: Path, fragment: str = "", *, width: int = 1280, theme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        _watch(page, path.as_uri(), wrongs)
        page.goto(f"{path.as_uri()}#{fragment}" if fragment else path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrongs == []


def _watch(page: Page, file: str, wrongs: list[str]) -> None:
    """Whatever goes wrong in the page is written down, a request of anything but the file too."""

    def see_request(request: Request) -> None:
        if request.url.split("#")[0] != file and not request.url.startswith(_INSIDE):
            wrongs.append(f"request: {request.url[:200]}")

    def see_dialog(dialog: Dialog) -> None:
        wrongs.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("console", lambda message: wrongs.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrongs.append(f"error: {error}"))
    page.on("dialog", see_dialog)
    page.on("request", see_request)


@pytest.fixture(scope="session")
def run() -> StoredRun:
    """Six models at two batches and precisions, and a training step each; one failed, one has no time to rely upon."""
    axes = [{"batch": batch, "precision": precision} for batch in (1, 8) for precision in FP32_AND_AMP]
    cases = [make_case(name, **more) for name in MODELS for more in (*axes, {"mode": Mode.TRAIN})]
    return make_run(_record(case) for case in cases)


@pytest.fixture(scope="session")
def page_of_run(written: Written, run: StoredRun) -> Path:
    return written(run)


def _record(case: Case) -> CaseRecord:
    if case.model.name == "xception" and case.mode is Mode.TRAIN:
        return failed(case)
    record = realistic_record(case, rounds=40)
    if case.model.name != "mobilenet_v2":
        return record
    noisy = Finding(code="noisy", severity=Severity.WARNING)
    return msgspec.structs.replace(record, findings=(*record.findings, noisy))
