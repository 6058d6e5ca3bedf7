from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from fakes import FakeClock
from synthetic import make_case
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity

import zoobench
from zoobench.cases import Precision
from zoobench.devices import REFERENCE, CudaDevice, cuda
from zoobench.devices.device import PeakMemory
from zoobench.devices.nvml import Nvml
from zoobench.devices.speed_probe import SpeedProbe
from zoobench.records import Measurement, Unavailable

CASE = make_case("resnet18", device="cuda", threads=1)
UUID = "0f1e2d3c-0000-1111-2222-333344445555"


class Recorder:
    """Replaces `torch.cuda`: returns values from a table and records its calls, in order."""

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
    """Replaces torch.cuda by a recorder with these values, only in `zoobench.devices.cuda`."""

    def install(**answers: Any) -> Recorder:
        recorder = Recorder(**answers)
        stand_in = ModuleType("torch")
        stand_in.__dict__.update({**vars(torch), "cuda": recorder})
        monkeypatch.setattr(cuda, "torch", stand_in)
        return recorder

    return install


# Conditions


def test_its_surroundings_are_the_gpus_and_the_pace_of_launching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nvml, "conditions", lambda _: {"power_w": 70.0})
    monkeypatch.setattr(SpeedProbe, "read_s", lambda _: 0.25)

    assert CudaDevice().conditions() == {"power_w": 70.0, REFERENCE: 0.25}


# Only one module uses torch.cuda


def test_no_other_modules_name_torch_cuda_or_nvml() -> None:
    package = Path(zoobench.__file__).parent
    culprits = {
        str(path.relative_to(package)): named
        for path in package.rglob("*.py")
        if (named := sorted(_cuda_names(ast.parse(path.read_text(encoding="utf-8")))))
    }

    assert sorted(culprits) == ["devices/cuda.py", "devices/nvml.py"]
    assert set(culprits["devices/nvml.py"]) == {"pynvml"}


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
    """Imports, attributes of torch, and their names in strings, by which code accesses a GPU."""
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


def test_a_torch_without_cuda_has_its_own_reason(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cuda(is_available=False)
    monkeypatch.setattr(cuda.torch, "version", SimpleNamespace(cuda=None))

    assert CudaDevice().facts().reason == "this torch is built without CUDA"


def test_an_index_beyond_the_last_gpu_reports_how_many_there_are(fake_cuda: Any) -> None:
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
@pytest.mark.parametrize(("precision", "old"), [(Precision.FP32, False), (Precision.TF32, True)])
def test_the_old_switches_agree_with_the_new_ones(precision: Precision, *, old: bool) -> None:
    """torch.compile reads the old switches, and torch raises if old and new disagree."""
    with CudaDevice().settings(msgspec.structs.replace(CASE, precision=precision)):
        assert torch.backends.cuda.matmul.allow_tf32 is old
        assert torch.backends.cudnn.allow_tf32 is old
        assert torch.get_float32_matmul_precision() == ("high" if old else "highest")


@pytest.mark.usefixtures("without_entering")
def test_switches_that_were_mixed_before_are_read_as_mixed_and_put_back(mixed_switches: None) -> None:
    device = CudaDevice()
    before = device.read_settings()

    with device.settings(CASE):
        assert device.read_settings()["matmul_fp32_precision"] == "ieee"

    assert (before["matmul_allow_tf32"], before["cudnn_allow_tf32"]) == ("mixed", "mixed")
    assert device.read_settings() == before


@pytest.fixture
def mixed_switches() -> Iterator[None]:
    """Switches as in a process that set only the new ones."""
    matmul, conv = torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    yield
    torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision = matmul, conv


@pytest.mark.usefixtures("without_entering")
def test_the_case_leaves_cudnn_free_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    device = CudaDevice()

    with device.settings(CASE):
        assert device.read_settings()["cudnn_deterministic"] == "False"

    assert device.read_settings()["cudnn_deterministic"] == "True"


def test_every_setting_that_chooses_a_kernel_is_read() -> None:
    settings = CudaDevice().read_settings()

    assert set(settings) >= {
        "threads", "matmul_fp32_precision", "matmul_fp16_accumulation", "cudnn_fp32_precision", "cudnn_benchmark",
        "cudnn_benchmark_limit", "cudnn_deterministic", "deterministic_algorithms",
    }  # fmt: skip
    assert all(settings.values())


@pytest.mark.usefixtures("without_entering")
@pytest.mark.parametrize("precision", [p for p in Precision if p is not Precision.TF32], ids=str)
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


def test_peak_reserved_is_the_allocators_and_process_memory_is_nvmls(
    fake_cuda: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cuda(max_memory_reserved=2**21)
    device = CudaDevice()
    answer = Unavailable(metric="process_memory", reason="NVML: Driver Not Loaded")
    monkeypatch.setattr(device, "_nvml", SimpleNamespace(process_memory=lambda: answer))

    reserved, process = device.measure_other_memory()

    assert isinstance(reserved, Measurement)
    assert (reserved.metric, reserved.samples) == ("peak_reserved", (2.0**21,))
    assert process == answer


def test_nvml_opens_this_gpu_by_its_uuid(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML's indices do not follow CUDA_VISIBLE_DEVICES."""
    asked: list[bytes] = []
    fake = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=asked.append,
        nvmlDeviceGetComputeRunningProcesses=lambda _: [],
    )
    monkeypatch.setattr("zoobench.devices.nvml.pynvml", fake)
    fake_cuda(get_device_properties=properties(9), max_memory_reserved=0)

    CudaDevice().measure_other_memory()

    assert asked == [f"GPU-{UUID}".encode()]


def test_free_memory_is_the_drivers_and_what_the_allocator_holds_unused(fake_cuda: Any) -> None:
    fake_cuda(is_available=True, device_count=2, mem_get_info=(700, 1000), memory_reserved=90, memory_allocated=60)

    assert CudaDevice(1).free_memory_bytes() == 730


# Work of known duration


def test_it_is_kept_busy_for_cycles_whose_rate_is_measured_by_the_host_s_clock(
    fake_cuda: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch takes a quarter of a second, and a cycle a tenth of a microsecond."""
    clock = FakeClock()
    monkeypatch.setattr(cuda.time, "perf_counter", clock)
    recorder = fake_cuda(_sleep=lambda cycles: clock.advance(0.25 + cycles / 1e7))
    device = CudaDevice()

    assert device.keep_busy(0.5) == pytest.approx(0.5)
    assert device.keep_busy(2.0) == pytest.approx(2.0)

    slept = [int(asked[len("_sleep(") : -1]) for asked in recorder.asked if asked.startswith("_sleep")]
    assert slept == [20_000_000, 40_000_000, 20_000_000, 5_000_000, 20_000_000]


# Kernels


def event(kind: DeviceType, microseconds: float, *, is_user_annotation: bool = False) -> SimpleNamespace:
    elapsed = SimpleNamespace(elapsed_us=lambda: microseconds)
    return SimpleNamespace(device_type=kind, time_range=elapsed, is_user_annotation=is_user_annotation)


@pytest.fixture
def profiled(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `measure_device_time` with a profiler of these events; return the result and the recorded calls."""

    def run(events: list[SimpleNamespace] | None) -> tuple[Any, list[str]]:
        recorder = fake_cuda()

        @contextlib.contextmanager
        def profiling(activities: Any) -> Iterator[Any]:
            recorder.asked.append("begin")
            yield SimpleNamespace(events=lambda: events)
            recorder.asked.append("end")

        monkeypatch.setattr(cuda, "profiling", profiling)
        call = lambda: recorder.asked.append("the call")  # noqa: E731
        return CudaDevice().measure_device_time(call, is_capturable=False), recorder.asked

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
    assert answer.method == "torch profiler, kernels of one call; no CUDA graph: the call reads a result back"
    assert asked == ["begin", "the call", "synchronize(0)", "end"], "kernels end before the profiler does"


@pytest.mark.parametrize("events", [None, [], [event(DeviceType.CPU, 10.0)]])
def test_without_kernels_there_is_no_device_time(profiled: Any, events: Any) -> None:
    answer, _ = profiled(events)

    reason = "no CUDA graph: the call reads a result back; and the torch profiler recorded no kernels"
    assert answer == Unavailable(metric="device_time", reason=reason)


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
    def profile(activities: Any, *, record_shapes: bool, acc_events: bool) -> Iterator[Any]:
        asked.append((activities, record_shapes, acc_events))
        yield SimpleNamespace(events=lambda: [relu])

    monkeypatch.setattr("zoobench.devices.profiler.profile", profile)

    [operator] = CudaDevice().profile_operators(lambda: recorder.asked.append("the call"))

    assert (operator.name, operator.shapes, operator.time_s) == ("relu", ((2, 3),), 250e-6)
    assert asked == [([ProfilerActivity.CPU, ProfilerActivity.CUDA], True, True)]
    assert "the call" in recorder.asked


# Graphs


class Capturing(Recorder):
    """A torch.cuda whose graphs take `kernels_s` a replay; capturing one can be made to fail as torch's does.

    As in torch/cuda/graphs.py, leaving a capture whose end raises leaves the capture's stream current.
    """

    def __init__(self, clock: FakeClock, *, kernels_s: float = 0.25, end_error: str = "") -> None:
        super().__init__(current_stream=lambda _: self.current, Event=lambda **_: FakeEvent(self))
        self.clock, self.kernels_s, self.end_error = clock, kernels_s, end_error
        self.current = FakeStream("default")
        self.is_capturing = False
        self.random_state = "untouched"
        self.graphs: list[FakeGraph] = []
        self.default_generators = (FakeGenerator(self),)
        self.Stream = lambda _: FakeStream("side")

    def CUDAGraph(self) -> FakeGraph:  # noqa: N802 - torch's name
        self.graphs.append(FakeGraph(self))
        return self.graphs[-1]

    @contextlib.contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextlib.contextmanager
    def graph(self, graph: FakeGraph, *, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        self.is_capturing, self.random_state = True, "capturing"
        try:
            yield
        finally:
            self.is_capturing = False
            if self.end_error:
                raise RuntimeError(self.end_error)
            self.random_state, self.current = "untouched", before


class FakeStream:
    def __init__(self, name: str) -> None:
        self.name = name
        self.waited_for: list[str] = []

    def wait_stream(self, other: FakeStream) -> None:
        self.waited_for.append(other.name)


class FakeEvent:
    def __init__(self, gpu: Capturing) -> None:
        self._gpu = gpu

    def record(self, stream: FakeStream) -> None:
        self.at_s = self._gpu.clock()

    def elapsed_time(self, end: FakeEvent) -> float:
        return (end.at_s - self.at_s) * 1e3


class FakeGraph:
    def __init__(self, gpu: Capturing) -> None:
        self._gpu = gpu
        self.replays = self.resets = 0

    def replay(self) -> None:
        assert not self._gpu.is_capturing
        self.replays += 1
        self._gpu.clock.advance(self._gpu.kernels_s)

    def reset(self) -> None:
        self.resets += 1


class FakeGenerator:
    def __init__(self, gpu: Capturing) -> None:
        self._gpu = gpu

    def clone_state(self) -> str:
        return self._gpu.random_state

    def graphsafe_set_state(self, state: str) -> None:
        self._gpu.random_state = state


@pytest.fixture
def capturing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A CUDA device on a fake torch.cuda that captures; its profiler always records one kernel of 125 µs."""

    def install(**options: Any) -> tuple[CudaDevice, Capturing]:
        gpu = Capturing(FakeClock(), **options)
        stand_in = ModuleType("torch")
        stand_in.__dict__.update({**vars(torch), "cuda": gpu})
        monkeypatch.setattr(cuda, "torch", stand_in)

        @contextlib.contextmanager
        def profiling(activities: Any) -> Iterator[Any]:
            yield SimpleNamespace(events=lambda: [event(DeviceType.CUDA, 125.0)])

        monkeypatch.setattr(cuda, "profiling", profiling)
        return CudaDevice(), gpu

    return install


def test_device_time_is_that_of_a_replay(capturing: Any) -> None:
    device, gpu = capturing(kernels_s=2**-10)
    streams: list[tuple[str, bool]] = []

    answer = device.measure_device_time(lambda: streams.append((gpu.current.name, gpu.is_capturing)))

    assert streams == [("side", False)] * 3 + [("side", True)], "warmed up on the stream of the capture"
    assert answer.samples == pytest.approx([2**-10] * 6)
    assert answer.calls_per_sample == 51, "0.05 s of replays"
    assert answer.method == "CUDA graph of one call, replayed back to back"
    [graph] = gpu.graphs
    assert (graph.replays, graph.resets) == (2 + 6 * 51, 1)
    assert gpu.current.name == "default"


def test_a_graph_of_seconds_is_not_replayed_for_a_minute(capturing: Any) -> None:
    device, gpu = capturing(kernels_s=4.0)

    answer = device.measure_device_time(lambda: None)

    assert (answer.samples, answer.calls_per_sample) == ((4.0,), 1)
    assert gpu.graphs[0].replays == 3


def refuse_to_be_captured(gpu: Capturing) -> Any:
    def call() -> None:
        if gpu.is_capturing:
            raise RuntimeError("operation not permitted when stream is capturing\nand more lines")

    return call


@pytest.mark.parametrize("end_error", ["", "operation failed due to a previous error during capture"])
def test_what_cannot_be_captured_is_profiled_and_the_device_is_as_before(capturing: Any, end_error: str) -> None:
    device, gpu = capturing(end_error=end_error)

    answer = device.measure_device_time(refuse_to_be_captured(gpu))

    assert answer.samples == (125e-6,)
    reason = "no CUDA graph: operation not permitted when stream is capturing"
    assert answer.method == f"torch profiler, kernels of one call; {reason}", "the first error, not the one on top"
    assert gpu.current.name == "default"
    assert gpu.random_state == "untouched"
    assert gpu.graphs[0].resets == 1


def test_a_graph_that_failed_is_kept_and_no_other_is_begun(capturing: Any) -> None:
    """The allocator may still refer to it."""
    device, gpu = capturing()
    device.measure_device_time(refuse_to_be_captured(gpu))

    answer = device.measure_device_time(lambda: None)

    assert answer.method.endswith("no CUDA graph: operation not permitted when stream is capturing")
    assert len(gpu.graphs) == 1
    assert gpu.graphs[0] in cuda._BROKEN_GRAPHS


def test_no_memory_for_a_graph_is_no_failure(capturing: Any) -> None:
    device, gpu = capturing()

    def call() -> None:
        if gpu.is_capturing:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    assert "no CUDA graph: CUDA out of memory." in device.measure_device_time(call).method


def test_an_error_of_the_models_own_is_not_taken_for_one_of_the_capture(capturing: Any) -> None:
    device, gpu = capturing()

    def call() -> None:
        if gpu.is_capturing:
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        device.measure_device_time(call)
    assert gpu.current.name == "default"
    assert gpu.random_state == "untouched"


def test_a_call_that_reads_a_result_back_is_not_captured(capturing: Any) -> None:
    device, gpu = capturing()

    answer = device.measure_device_time(lambda: None, is_capturable=False)

    assert answer.samples == (125e-6,)
    assert gpu.graphs == []
