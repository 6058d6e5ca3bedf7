from __future__ import annotations

import platform
from collections.abc import Callable

import pytest
import torch
from synthetic import make_run

from zoobench.cases import DeviceFacts
from zoobench.cases.options import usable_threads
from zoobench.cli.models import render_environment
from zoobench.measure import executor
from zoobench.records import Environment


def test_an_environment_in_words(golden: Callable) -> None:
    cuda = DeviceFacts(
        name="cuda",
        is_available=True,
        model="Example GPU",
        precisions=("fp32", "tf32", "amp-fp16"),
        facts={"driver": "580.1", "memory_bytes": "85899345920"},
    )
    missing = DeviceFacts(name="cuda:7", is_available=False, reason="torch finds 1 CUDA GPU", model="never shown")
    plain = make_run([]).run.environment
    environment = Environment(
        host=plain.host,
        software=plain.software,
        settings={},
        commit=plain.commit,
        devices=(*plain.devices, cuda, missing),
    )
    golden("env", "\n".join(render_environment(environment)) + "\n")


def test_this_machine(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker would tell it, but told here: a fork server of its own is tested with `isolate`."""
    monkeypatch.setattr(executor, "ForkedWorkers", executor.InProcess)
    outcome = program("env")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    groups = [line for line in lines if not line.startswith(" ")]
    assert groups[:4] == ["host", "software", "settings", "commit"]
    assert {"device cpu", "device cuda"} <= set(groups)
    facts = dict(line.split(maxsplit=1) for line in lines if line.startswith("  ") and len(line.split()) > 1)
    assert facts["torch"] == torch.__version__.partition("+")[0]
    assert facts["python"] == platform.python_version()
    assert facts["usable_threads"] == str(usable_threads())
