"""What the page shows and exports is what the frame holds."""

from __future__ import annotations

import csv
import math

import pytest
from synthetic import FP32_AND_AMP, failed, make_case, make_run, measurement, realistic_record

from zoobench import metrics
from zoobench.cases import Mode
from zoobench.frame import LATENCY, THROUGHPUT, collect_frame
from zoobench.records import Finding, Severity
from zoobench.reports.cells import format_interval
from zoobench.units import NOT_MEASURED, format_percent

SHOWN = {
    "Latency": LATENCY,
    "Images/s": THROUGHPUT,
    "Peak memory": "peak_allocated",
    "MACs": "macs",
    "Parameters": "parameters",
}
ROWS = """table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"""
HEADINGS = """table => [...table.tHead.rows[0].cells].map(cell => cell.innerText.trim())"""


def noisy(case):
    """A case whose time is not valid."""
    record = realistic_record(case)
    finding = Finding(code="noisy", severity=Severity.WARNING, values={})
    return type(record)(**{name: getattr(record, name) for name in record.__struct_fields__ if name != "findings"},
                        findings=(finding,))
