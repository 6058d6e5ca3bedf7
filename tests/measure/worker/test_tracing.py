from __future__ import annotations

import json
from pathlib import Path

import pytest
from synthetic import make_case
from torch.nn.modules import module as module_hooks

from zoobench.cases import Mode
from zoobench.devices.profiler import path_of_scope
from zoobench.measure.worker.probes.operator_time import write_trace
from zoobench.zoo.build import build_model


@pytest.mark.parametrize("mode", list(Mode))
def test_a_trace_is_json_with_one_call_and_the_range_of_every_module(tmp_path: Path, mode: Mode) -> None:
    path = tmp_path / "trace.json"
    case = make_case("lenet5", mode=mode, threads=1)

    write_trace(case, str(path), lambda _: None)

    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    ranges = [scope for event in events if (scope := path_of_scope(str(event.get("name")))) is not None]
    assert set(ranges) == {path for path, _ in build_model(case.model).named_modules()}
    assert (ranges.count(""), ranges.count("squash")) == (1, 4), "as often as it is called"
    convolutions = [event for event in events if event.get("name") == "aten::conv2d"]
    assert len(convolutions) == 3, "those of one call"
    assert any("convolution_backward" in str(event.get("name")) for event in events) is (mode is Mode.TRAIN)
    assert not module_hooks._global_forward_hooks
