"""README's picture of the page."""

from __future__ import annotations

import struct
from pathlib import Path

import screenshot
from playwright.sync_api import Browser

LARGEST_BYTES = 400_000
CHART_PX = 520


def size_px(png: bytes) -> tuple[int, int]:
    """As its header says."""
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_picture_is_as_wide_as_a_screen_and_ends_below_the_chart(browser: Browser, page_of_run: Path) -> None:
    resolution = screenshot.take_picture(browser, page_of_run)
    width, height = size_px(resolution)
    assert width == screenshot.WIDTH_PX
    assert height > CHART_PX
    assert len(resolution) <= LARGEST_BYTES


def test_readme_s_picture_is_of_that_kind() -> None:
    resolution = screenshot.PICTURE.read_bytes()
    assert size_px(resolution)[0] == screenshot.WIDTH_PX
    assert len(resolution) <= LARGEST_BYTES
