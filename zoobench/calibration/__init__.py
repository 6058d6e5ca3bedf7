"""What a calibration by `zoobench doctor` comes to: figures, what to change, and its file in a results folder."""

from __future__ import annotations

from zoobench.calibration.document import attach, check_writable, facts_of, read_calibration, write_calibration
from zoobench.calibration.figures import FIGURES, Figure, Reading, findings_of, read_figures

__all__ = [
    "FIGURES",
    "Figure",
    "Reading",
    "attach",
    "check_writable",
    "facts_of",
    "findings_of",
    "read_calibration",
    "read_figures",
    "write_calibration",
]
