"""The Chromium of this system, without a display, for the tests of the page and for its picture."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

_ARGUMENTS: Final = (
    "--no-sandbox",  # which does not start for root, as whom containers run; only our own page is opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def path_of_chromium() -> str | None:
    """Where it is; None if this system has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def launch(path: str) -> Iterator[Browser]:
    """A browser that asks nobody for anything; it talks to us through a pipe."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
