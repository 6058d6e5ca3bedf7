"""One call of a case as a trace that chrome://tracing and ui.perfetto.dev show, the modules' ranges in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch.profiler import ProfilerActivity, supported_activities

from zoobench.cases import Case
from zoobench.devices import Device, get_device, module_scopes
from zoobench.devices.profiled import profiling
from zoobench.isolate import Tell
from zoobench.subject import build_subject


def write_trace(case: Case, path: str, tell: Tell) -> None:  # noqa: ARG001 - a task is given one
    """Write the trace of one call, after one to warm up. It is JSON in UTF-8 whatever bytes an argument's text had."""
    device = get_device(case.device)
    with device.settings(case):
        subject = build_subject(case, device)
        subject.call()
        device.wait()
        with module_scopes(subject.module), profiling(_activities(device)) as profiler:
            subject.call()
            device.wait()
    profiler.export_chrome_trace(path)
    file = Path(path)
    file.write_text(file.read_text(encoding="utf-8", errors="replace"), encoding="utf-8")


def _activities(device: Device) -> Iterable[ProfilerActivity]:
    """Beside the host's, those of a device that works apart from it."""
    if not device.has_own_timeline():
        return (ProfilerActivity.CPU,)
    return supported_activities()  # type: ignore[no-untyped-call,no-any-return]
