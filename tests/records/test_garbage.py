from __future__ import annotations

import gc

import pytest

from zoobench.records.files import gc_paused


def test_nothing_is_collected_meanwhile_and_everything_is_as_before() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_whoever_had_put_it_off_finds_it_put_off() -> None:
    with gc_paused():
        with gc_paused():
            pass
        assert not gc.isenabled()


def test_an_error_puts_it_back_too() -> None:
    with pytest.raises(ValueError, match="meant"), gc_paused():
        raise ValueError("meant")
    assert gc.isenabled()
