"""The page: one file that answers in a browser, with no network and no server."""

from __future__ import annotations

from zoobench.report.html.page import render_html

__all__ = ["render_html"]
