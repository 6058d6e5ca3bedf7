"""One call of a case as a trace that chrome://tracing and ui.perfetto.dev show, the modules' ranges in it."""

from __future__ import annotations

from pathlib import Path

from torch.profiler import profile, supported_activities

from zoobench.cases import Case
from zoobench.devices import get_device, module_scopes
from zoobench.isolate import Tell
from zoobench.subject import build_subject


def write_trace(case: Case, path: str, tell: Tell) -> None:  # noqa: ARG001 - a task is given one
    """Write the trace of one call, after one to warm up. It is JSON in UTF-8 whatever bytes an argument's text had."""
    device = get_device(case.device)
    with device.settings(case):
        subject = build_subject(case, device)
        subject.call()
        device.wait()
        activities = supported_activities()  # type: ignore[no-untyped-call]
        with module_scopes(subject.module), profile(activities=activities, record_shapes=True) as profiler:
            subject.call()
            device.wait()
    profiler.export_chrome_trace(path)
    file = Path(path)
    file.write_text(file.read_text(encoding="utf-8", errors="replace"), encoding="utf-8")
