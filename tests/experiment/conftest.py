"""The harness's copy, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoobench.experiment.harness import write_harness


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_harness(tmp_path_factory.mktemp("harness"))
