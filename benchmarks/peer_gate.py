"""pytest-benchmark's own gate on two single runs, as its documentation shows it: save, then compare and fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

INJECTED = "PEER_GATE_INJECTED"

MODELS = "PEER_GATE_MODELS"
"""Environment variables by which `peer_suite` is told, in JSON."""

SUITE = Path(__file__).with_name("peer_suite.py")

_FAILED = re.compile(r"test_call\[(?P<name>[^\]]+)\].*has failed PercentageRegressionCheck")


class PeerVerdict(msgspec.Struct, frozen=True):
    """The second run's exit code, and the models that its gate failed."""

    exit_code: int
    failed: frozenset[str]


def judge_by_peer(models: Sequence[str], injected: Mapping[str, float], margin: float) -> PeerVerdict:
    """Run and save the base, then run the head with these shares of a call wasted, and let the gate compare.

    Raises: RuntimeError if a run does not measure at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = _run(folder, models, {}, "--benchmark-autosave")
        if base.returncode:
            raise RuntimeError(f"the base's run failed: {base.stdout[-500:]}")
        gate = ("--benchmark-compare", f"--benchmark-compare-fail=median:{margin:.0%}")
        head = _run(folder, models, injected, *gate)
        failed = frozenset(match["name"] for match in _FAILED.finditer(head.stdout + head.stderr))
        if head.returncode and not failed:
            raise RuntimeError(f"the head's run failed: {head.stdout[-500:]} {head.stderr[-500:]}")
        return PeerVerdict(head.returncode, failed)


def _run(
    folder: str, models: Sequence[str], injected: Mapping[str, float], *options: str
) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "pytest", "--quiet", "--rootdir", folder, "-c", os.devnull, "-p", "no:cacheprovider",
        "-p", "no:zoobench", f"--benchmark-storage={folder}/saved", "--benchmark-columns=median", *options, str(SUITE),
    ]  # fmt: skip
    environment = {**os.environ, MODELS: json.dumps(list(models)), INJECTED: json.dumps(dict(injected))}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
