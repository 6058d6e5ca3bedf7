"""Whether a time may be relied upon: every row says `valid`, or why not."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from zoobench.records import Finding, Severity


class Flaw(enum.StrEnum):
    """Why a time is not valid (after MLPerf's VALID and INVALID)."""

    TOO_FEW_ROUNDS = "too-few-rounds"
    TOO_FEW_PROCESSES = "too-few-processes"
    UNSTABLE_WARM_UP = "unstable-warm-up"
    SHARED = "shared"
    THROTTLED = "throttled"
    PAGING = "paging"
    NOISY = "noisy"


VALID = "valid"

_OLDER_CODES = {"few-rounds": Flaw.TOO_FEW_ROUNDS}
"""Findings as records of schema 2 and before call them."""


def flaws_of(findings: Iterable[Finding]) -> tuple[Flaw, ...]:
    """What stands against the times of a case with these findings, the gravest first. A note stands against nothing."""
    codes = {finding.code for finding in findings if finding.severity is Severity.WARNING}
    codes |= {_OLDER_CODES[code] for code in codes & _OLDER_CODES.keys()}
    return tuple(flaw for flaw in Flaw if flaw in codes)


def validity_of(findings: Iterable[Finding]) -> str:
    """`valid`, or the flaws by name."""
    return ", ".join(flaws_of(findings)) or VALID
