"""Outputs of a comparison that has every verdict, against texts in `expected/`."""

import os
from pathlib import Path

import pytest

EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture
def golden():
    """Compares a text with the file of that name; `ZOOBENCH_REWRITE_GOLDEN=1` rewrites it."""

    def compare(name, text):
        path = EXPECTED / name
        if os.environ.get("ZOOBENCH_REWRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
