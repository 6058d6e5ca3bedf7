"""What the page is put together from, beside its templates: scripts, styles and specifications of charts."""

from __future__ import annotations

from importlib import resources
from typing import Final

PACKAGE: Final = "zoobench.reports.html"


def read_asset(folder: str, name: str) -> str:
    """The text of a file of this package."""
    return (resources.files(PACKAGE) / folder / name).read_text(encoding="utf-8")
