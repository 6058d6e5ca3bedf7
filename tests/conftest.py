"""What all tests share: no network, and where nothing else is said, a small real device."""

from __future__ import annotations

import pytest
import pytest_socket

pytest_plugins = ("pytester",)


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """Sockets of the internet are refused; the fork server's are of the file system."""
    pytest_socket.disable_socket(allow_unix_socket=True)
