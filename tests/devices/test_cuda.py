from __future__ import annotations

import ast
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from synthetic import make_case
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity

import zoobench
from zoobench.cases import Precision
from zoobench.devices import CudaDevice, cuda
from zoobench.devices.device import PeakMemory
from zoobench.records import Measurement, Unavailable

CASE = make_case("resnet18", device="cuda", threads=1)
UUID = "0f1e2d3c-0000-1111-2222-333344445555"


class Recorder:
    """Stands in for `torch.cuda`: answers from a table and writes down what it was asked, in order."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def answer(*arguments: Any, **options: Any) -> Any:
            self.asked.append(f"{name}({', '.join(map(str, (*arguments, *options.values())))})")
            value = self._answers.get(name)
            return value(*arguments, **options) if callable(value) else value

        return answer


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a recorder with these answers in the place of torch.cuda, for `zoobench.devices.cuda` alone."""

    def install(**answers: Any) -> Recorder:
        recorder = Recorder(**answers)
        stand_in = ModuleType("torch")
        stand_in.__dict__.update({**vars(torch), "cuda": recorder})
        monkeypatch.setattr(cuda, "torch", stand_in)
        return recorder

    return install


# The only place that names torch.cuda


def test_no_other_module_names_torch_cuda() -> None:
    package = Path(zoobench.__file__).parent
    culprits = {
        str(path.relative_to(package)): named
        for path in package.rglob("*.py")
        if (named := sorted(_cuda_names(ast.parse(path.read_text(encoding="utf-8")))))
    }

    assert list(culprits) == ["devices/cuda.py"]


@pytest.mark.parametrize(
    "source",
    [
        "import torch.cuda",
        "from torch import cuda",
        "from torch.cuda import synchronize",
        "from torch.backends import cudnn",
        "import torch\ntorch.cuda.synchronize()",
        "import torch\ntorch.backends.cudnn.benchmark = True",
        "import torch\ntorch.backends.cuda.matmul.allow_tf32 = True",
        "getattr(torch, 'cuda')",
        "import pynvml",
    ],
)
def test_every_way_of_naming_it_is_seen(source: str) -> None:
    assert _cuda_names(ast.parse(source))


def _cuda_names(tree: ast.AST) -> set[str]:
    """Imports, attributes of torch and their names as text by which code gets at a GPU."""
    return {name for node in ast.walk(tree) for name in _names(node) if name}


def _names(node: ast.AST) -> Iterator[str]:
    owners = ("torch", "torch.backends")
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_gpus(alias.name))
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        yield from (f"{module}.{alias.name}" for alias in node.names if _is_gpus(f"{module}.{alias.name}"))
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners:
        yield ast.unparse(node) if _is_gpus(ast.unparse(node)) else ""
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
        owner, name = ast.unparse(node.args[0]), ast.unparse(node.args[1]).strip("'\"")
        yield f"{owner}.{name}" if owner in owners and _is_gpus(f"{owner}.{name}") else ""


def _is_gpus(name: str) -> bool:
    roots = ("torch.cuda", "torch.backends.cuda", "torch.backends.cudnn", "pynvml")
    return any(name == root or name.startswith(f"{root}.") for root in roots)


# Facts


def test_without_a_gpu_the_facts_say_why(fake_cuda: Any) -> None:
    fake_cuda(is_available=False)

    facts = CudaDevice().facts()

    assert not facts.is_available
    assert facts.precisions == ()
    assert facts.reason == "torch finds no CUDA GPU"


def test_a_torch_without_cuda_is_told_apart(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cuda(is_available=False)
    monkeypatch.setattr(cuda.torch, "version", SimpleNamespace(cuda=None))

    assert CudaDevice().facts().reason == "this torch is built without CUDA"


def test_an_index_beyond_the_last_gpu_says_how_many_there_are(fake_cuda: Any) -> None:
    fake_cuda(is_available=True, device_count=2)

    facts = CudaDevice(2).facts()

    assert (facts.name, facts.is_available) == ("cuda:2", False)
    assert facts.reason == "there are 2 CUDA GPUs, counted from 0"


def properties(major: int) -> SimpleNamespace:
    return SimpleNamespace(
        name="NVIDIA Test", major=major, minor=5, total_memory=2**34, multi_processor_count=40, uuid=UUID
    )


@pytest.mark.parametrize(("major", "has_tf32"), [(7, False), (8, True), (9, True)])
def test_tf32_and_native_bf16_begin_with_ampere(fake_cuda: Any, major: int, *, has_tf32: bool) -> None:
    fake_cuda(is_available=True, device_count=1, get_device_properties=properties(major))

    facts = CudaDevice().facts()

    assert ("tf32" in facts.precisions) is has_tf32
    assert ("bf16" in facts.native_precisions) is has_tf32
    assert {"fp32", "amp-fp16", "amp-bf16", "fp16", "bf16"} <= set(facts.precisions)
    assert {"fp32", "amp-fp16", "fp16"} <= set(facts.native_precisions) <= set(facts.precisions)
    assert (facts.model, facts.amp) == ("NVIDIA Test", "amp-fp16")
    assert facts.facts["memory_bytes"] == str(2**34)
    assert facts.facts["capability"] == f"{major}.5"


def test_making_a_device_touches_no_gpu(fake_cuda: Any) -> None:
    recorder = fake_cuda()

    assert CudaDevice(1).name == "cuda:1"
    assert recorder.asked == []


# Settings: the switches are torch's own, they can be set without a GPU


@pytest.fixture
def without_entering(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.cuda.device needs a driver; the switches do not."""
    monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())


@pytest.mark.usefixtures("without_entering")
@pytest.mark.parametrize(("precision", "switch"), [(Precision.FP32, "ieee"), (Precision.TF32, "tf32")])
def test_tf32_is_on_for_its_own_precision_only_and_put_back(precision: Precision, switch: str) -> None:
    device = CudaDevice()
    before = device.read_settings()

    with device.settings(msgspec.structs.replace(CASE, precision=precision)):
        within = device.read_settings()

    assert within["matmul_fp32_precision"] == within["cudnn_fp32_precision"] == switch
    assert within["cudnn_benchmark"] == "True"
    assert before["cudnn_benchmark"] == "False"
    assert device.read_settings() == before


@pytest.mark.usefixtures("without_entering")
@pytest.mark.parametrize("precision", set(Precision) - {Precision.TF32}, ids=str)
def test_no_other_precision_uses_tf32(precision: Precision) -> None:
    with CudaDevice().settings(msgspec.structs.replace(CASE, precision=precision)):
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert torch.backends.cudnn.conv.fp32_precision == "ieee"


@pytest.mark.usefixtures("without_entering")
def test_settings_of_before_are_put_back_whatever_they_were() -> None:
    device = CudaDevice()
    with device.settings(msgspec.structs.replace(CASE, precision=Precision.TF32, threads=3)):
        outer = device.read_settings()
        with pytest.raises(ArithmeticError), device.settings(CASE):
            raise ArithmeticError
        assert device.read_settings() == outer
        assert outer["threads"] == "3"


def test_a_gpu_that_cannot_be_entered_leaves_the_settings_as_they_were(fake_cuda: Any) -> None:
    def refuse(_: int) -> Any:
        raise RuntimeError("no driver")

    fake_cuda(device=refuse)
    device = CudaDevice()
    before = device.read_settings()

    with pytest.raises(RuntimeError, match="no driver"), device.settings(CASE):
        pass

    assert device.read_settings() == before


# Time


def test_marks_are_timing_events_on_the_current_stream_of_its_gpu(fake_cuda: Any) -> None:
    events: list[Any] = []

    def make_event(*, enable_timing: bool) -> Any:
        events.append(SimpleNamespace(timing=enable_timing, streams=[], elapsed_time=lambda _: 12.5))
        events[-1].record = events[-1].streams.append
        return events[-1]

    recorder = fake_cuda(Event=make_event, current_stream=lambda index: f"stream of {index}")
    device = CudaDevice(1)

    elapsed_s = device.elapsed_s(device.mark(), device.mark())

    assert elapsed_s == 0.0125
    assert [(event.timing, event.streams) for event in events] == [(True, ["stream of 1"])] * 2
    assert recorder.asked == ["Event(True)", "current_stream(1)"] * 2


def test_waiting_is_for_its_gpu(fake_cuda: Any) -> None:
    recorder = fake_cuda()

    CudaDevice(1).wait()

    assert recorder.asked == ["synchronize(1)"]
    assert CudaDevice().has_own_timeline()


# Memory


def test_the_peak_is_above_what_was_there_and_of_this_call_alone(fake_cuda: Any) -> None:
    recorder = fake_cuda(memory_allocated=1000, max_memory_allocated=5000)

    peak = CudaDevice(1).measure_peak_memory(lambda: recorder.asked.append("the call"))

    assert peak == PeakMemory(growth_bytes=4000, method="peak of the caching allocator over one call")
    assert recorder.asked == [
        "synchronize(1)",
        "empty_cache()",
        "reset_peak_memory_stats(1)",
        "memory_allocated(1)",
        "the call",
        "synchronize(1)",
        "max_memory_allocated(1)",
    ]


class FakeNvmlError(Exception):
    pass


def test_free_memory_is_what_the_driver_says(fake_cuda: Any) -> None:
    recorder = fake_cuda(mem_get_info=(300, 1000))

    assert CudaDevice(1).free_memory_bytes() == 300
    assert recorder.asked == ["mem_get_info(1)"]


@pytest.fixture
def fake_nvml(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**answers: Any) -> Recorder:
        recorder = Recorder(**answers)
        module = ModuleType("pynvml")
        module.NVMLError = FakeNvmlError  # type: ignore[attr-defined]
        module.__getattr__ = recorder.__getattr__  # type: ignore[method-assign, assignment]
        monkeypatch.setitem(sys.modules, "pynvml", module)
        return recorder

    return install


def other_memory(fake_cuda: Any) -> tuple[Any, Any]:
    fake_cuda(max_memory_reserved=2**21, get_device_properties=properties(9))
    reserved, process = CudaDevice().measure_other_memory()
    return reserved, process


def test_process_memory_is_nvmls_for_this_process_on_this_gpu(fake_cuda: Any, fake_nvml: Any) -> None:
    processes = [
        SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=1),
        SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 * 2**20),
    ]
    nvml = fake_nvml(nvmlDeviceGetHandleByUUID="handle", nvmlDeviceGetComputeRunningProcesses=processes)

    reserved, process = other_memory(fake_cuda)

    assert isinstance(reserved, Measurement)
    assert isinstance(process, Measurement)
    assert (reserved.metric, reserved.samples) == ("peak_reserved", (2.0**21,))
    assert (process.metric, process.samples) == ("process_memory", (3.0 * 2**20,))
    assert nvml.asked == [
        "nvmlInit()",
        f"nvmlDeviceGetHandleByUUID({f'GPU-{UUID}'.encode()})",
        "nvmlDeviceGetComputeRunningProcesses(handle)",
    ]


def test_a_process_that_nvml_does_not_list_has_no_memory_rather_than_none(fake_cuda: Any, fake_nvml: Any) -> None:
    fake_nvml(nvmlDeviceGetComputeRunningProcesses=[SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=1)])

    _, process = other_memory(fake_cuda)

    assert isinstance(process, Unavailable)
    assert "does not list this process" in process.reason


def test_nvmls_own_reason_is_passed_on(fake_cuda: Any, fake_nvml: Any) -> None:
    def fail() -> None:
        raise FakeNvmlError("Driver Not Loaded")

    fake_nvml(nvmlInit=fail)

    _, process = other_memory(fake_cuda)

    assert process == Unavailable(metric="process_memory", reason="NVML: Driver Not Loaded")


# Kernels


def event(kind: DeviceType, microseconds: float, *, is_user_annotation: bool = False) -> SimpleNamespace:
    elapsed = SimpleNamespace(elapsed_us=lambda: microseconds)
    return SimpleNamespace(device_type=kind, time_range=elapsed, is_user_annotation=is_user_annotation)


@pytest.fixture
def profiled(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `measure_device_time` under a profiler that saw these events; the answer, and what happened in order."""

    def run(events: list[SimpleNamespace] | None) -> tuple[Any, list[str]]:
        recorder = fake_cuda()

        @contextlib.contextmanager
        def profile(activities: Any) -> Iterator[Any]:
            recorder.asked.append("begin")
            yield SimpleNamespace(events=lambda: events)
            recorder.asked.append("end")

        monkeypatch.setattr(cuda, "profile", profile)
        return CudaDevice().measure_device_time(lambda: recorder.asked.append("the call")), recorder.asked

    return run


def test_device_time_is_the_sum_of_what_ran_on_the_gpu(profiled: Any) -> None:
    events = [
        event(DeviceType.CPU, 1e6),
        event(DeviceType.CUDA, 250.0),
        event(DeviceType.CUDA, 125.0),
        event(DeviceType.CUDA, 1e6, is_user_annotation=True),
    ]

    answer, asked = profiled(events)

    assert (answer.metric, answer.samples) == ("device_time", (375e-6,))
    assert asked == ["begin", "the call", "synchronize(0)", "end"], "kernels end before the profiler does"


@pytest.mark.parametrize("events", [None, [], [event(DeviceType.CPU, 10.0)]])
def test_without_kernels_there_is_no_device_time(profiled: Any, events: Any) -> None:
    answer, _ = profiled(events)

    assert answer == Unavailable(metric="device_time", reason="the torch profiler saw no kernels")


def test_an_operator_takes_the_time_of_the_kernels_that_it_launches(
    fake_cuda: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = fake_cuda()
    relu = SimpleNamespace(
        name="aten::relu", cpu_parent=None, cpu_children=[], input_shapes=[[2, 3]], concrete_inputs=[None],
        cpu_time_total=7.0, device_time_total=250.0,
    )  # fmt: skip
    asked: list[Any] = []

    @contextlib.contextmanager
    def profile(activities: Any, *, record_shapes: bool) -> Iterator[Any]:
        asked.append((activities, record_shapes))
        yield SimpleNamespace(events=lambda: [relu])

    monkeypatch.setattr("zoobench.devices.profiled.profile", profile)

    [operator] = CudaDevice().profile_operators(lambda: recorder.asked.append("the call"))

    assert (operator.name, operator.shapes, operator.time_s) == ("relu", ((2, 3),), 250e-6)
    assert asked == [([ProfilerActivity.CPU, ProfilerActivity.CUDA], True)]
    assert "the call" in recorder.asked
