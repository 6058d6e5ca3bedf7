"""Processes that tests start to send signals to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence


def interruptible(command: Sequence[str]) -> subprocess.Popen[str]:
    """A process that Ctrl-C reaches, its output in one pipe.

    What a shell starts in the background ignores SIGINT, and what that starts inherits it, as these tests may.
    """
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - these tests start no threads
    )


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
