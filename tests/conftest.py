"""What all tests share: no network, and where nothing else is said, a small real device."""

from __future__ import annotations

import os

import hypothesis
import pytest
import pytest_socket

# Two threads on two busy processors wait for each other many times longer than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is not a defect: examples are counted, not timed.
hypothesis.settings.register_profile("zoobench", deadline=None)
hypothesis.settings.load_profile("zoobench")

pytest_plugins = ("pytester",)


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """Sockets of the internet are refused; the fork server's are of the file system."""
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pytest that a test starts is not a worker of the one that runs the test; pytest-benchmark looks at these."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)
