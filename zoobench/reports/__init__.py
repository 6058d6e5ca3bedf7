"""From stored runs to a report: tables, charts and the page that holds them. Reads no torch."""

from __future__ import annotations

from zoobench.reports.write import ReportPaths, write_report

__all__ = ["ReportPaths", "write_report"]
