from __future__ import annotations

import pytest

from zoobench.records import VALID, Finding, Flaw, Severity, flaws_of, validity_of
from zoobench.stats.findings import TEXTS


def warning(code: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING)


def note(code: str) -> Finding:
    return Finding(code=code, severity=Severity.NOTE)


def test_nothing_found_is_valid() -> None:
    assert (flaws_of([]), validity_of([])) == ((), VALID)


@pytest.mark.parametrize("flaw", Flaw)
def test_a_warning_of_a_flaw_is_the_flaw_and_a_note_is_none(flaw: Flaw) -> None:
    assert flaws_of([warning(flaw.value)]) == (flaw,)
    assert validity_of([warning(flaw.value)]) == flaw.value
    assert validity_of([note(flaw.value)]) == VALID


@pytest.mark.parametrize("code", ["not-retained", "emulated-precision", "disturbed", "of-a-plug-in"])
def test_other_warnings_stand_against_no_time(code: str) -> None:
    assert validity_of([warning(code)]) == VALID


def test_the_gravest_flaw_comes_first_and_each_once() -> None:
    found = [warning(flaw.value) for flaw in reversed(Flaw)] * 2

    assert flaws_of(found) == tuple(Flaw)
    assert validity_of(found) == (
        "too-few-rounds, too-few-processes, unstable-warm-up, shared, throttled, paging, noisy"
    )


def test_records_of_older_schemas_name_one_flaw_otherwise() -> None:
    assert flaws_of([warning("few-rounds")]) == (Flaw.TOO_FEW_ROUNDS,)
    assert flaws_of([warning("few-rounds"), warning("too-few-rounds")]) == (Flaw.TOO_FEW_ROUNDS,)


def test_every_flaw_has_words() -> None:
    assert {flaw.value for flaw in Flaw} <= set(TEXTS)
