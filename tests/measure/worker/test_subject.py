from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice, FakeClock
from synthetic import make_case

from zoobench.cases import BadInputError, Compiler, MemoryFormat, Mode, ModelRef, Precision
from zoobench.devices import CpuDevice
from zoobench.measure.worker import workload as subject_module
from zoobench.measure.worker.workload import (
    Inference,
    TrainingStep,
    Workload,
    build_workload,
    storage_bytes,
    with_batch,
)
from zoobench.zoo.build import build_model

FLOAT_BYTES = 4
LENET5_PARAMETERS = 61_706
CASE = make_case("lenet5", batch=2, threads=1)


def build(**axes: Any) -> Workload:
    return build_workload(msgspec.structs.replace(CASE, **axes), CpuDevice())


def test_it_is_the_cases_model_and_pictures() -> None:
    workload = build(batch=3)

    assert sum(parameter.numel() for parameter in workload.module.parameters()) == LENET5_PARAMETERS
    assert workload.images.shape == (3, 1, 32, 32)
    assert isinstance(workload.model_call, Inference)
    assert isinstance(build(mode=Mode.TRAIN).model_call, TrainingStep)


def test_weights_and_pictures_are_the_same_every_time() -> None:
    first, second = build(), build()

    assert torch.equal(first.images, second.images)
    for one, other in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("mode", Mode)
def test_another_number_of_pictures_is_the_same_model(mode: Mode) -> None:
    workload = build(mode=mode)

    larger = with_batch(workload, 5)

    assert larger.module is workload.module
    assert (larger.case.batch, larger.images.shape[0]) == (5, 5)
    assert torch.equal(larger.images, build(mode=mode, batch=5).images)
    larger.call()
    assert larger.held_bytes() > workload.held_bytes()


def test_building_is_timed_without_making_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    example_images = subject_module.example_images

    def build_slowly(model: ModelRef) -> torch.nn.Module:
        clock.advance(0.5)
        return build_model(model)

    def paint_slowly(*arguments: Any, **options: Any) -> torch.Tensor:
        clock.advance(8.0)
        return example_images(*arguments, **options)

    monkeypatch.setattr(subject_module, "example_images", paint_slowly)

    assert build_workload(CASE, CpuDevice(), clock, build=build_slowly).build_s == 0.5


def test_pictures_that_are_too_small_are_refused() -> None:
    with pytest.raises(BadInputError, match="image size 4 is too small for lenet5"):
        build(image_size=4)


@pytest.mark.parametrize(("precision", "dtype"), [(Precision.FP16, torch.float16), (Precision.BF16, torch.bfloat16)])
def test_fp16_and_bf16_convert_the_whole_model(precision: Precision, dtype: torch.dtype) -> None:
    workload = build(precision=precision)

    assert {parameter.dtype for parameter in workload.module.parameters()} == {dtype}
    assert workload.images.dtype is dtype


@pytest.mark.parametrize(
    ("precision", "computed_in"),
    [
        (Precision.FP32, torch.float32),
        (Precision.TF32, torch.float32),
        (Precision.AMP_FP16, torch.float16),
        (Precision.AMP_BF16, torch.bfloat16),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_amp_leaves_weights_in_fp32_and_computes_in_half(
    precision: Precision, computed_in: torch.dtype, mode: Mode
) -> None:
    workload = build(precision=precision, mode=mode)
    seen: list[torch.dtype] = []
    workload.module.c1.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))

    workload.call()

    assert seen == [computed_in]
    assert {parameter.dtype for parameter in workload.module.parameters()} == {torch.float32}


def test_only_fp16_amp_scales_its_loss() -> None:
    scales = {
        precision: build(precision=precision, mode=Mode.TRAIN).model_call._scaler.is_enabled()  # type: ignore[attr-defined]
        for precision in (Precision.FP32, Precision.AMP_FP16, Precision.AMP_BF16, Precision.BF16)
    }

    assert [precision for precision, is_scaled in scales.items() if is_scaled] == [Precision.AMP_FP16]


@pytest.mark.parametrize(
    ("memory_format", "layout"),
    [
        (MemoryFormat.CONTIGUOUS, torch.contiguous_format),
        (MemoryFormat.CHANNELS_LAST, torch.channels_last),
    ],
)
def test_the_memory_format_is_that_of_weights_and_pictures(
    memory_format: MemoryFormat, layout: torch.memory_format
) -> None:
    workload = build_workload(
        msgspec.structs.replace(
            CASE, model=ModelRef("torchvision", "squeezenet1_1"), image_size=64, memory_format=memory_format
        ),
        CpuDevice(),
    )

    assert workload.images.is_contiguous(memory_format=layout)
    assert all(
        weight.is_contiguous(memory_format=layout) for weight in workload.module.parameters() if weight.ndim == 4
    )


def test_the_subject_has_no_hooks_before_it_is_timed() -> None:
    for mode in Mode:
        workload = build(mode=mode)
        workload.call()
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in workload.module.modules())


def test_weights_are_bytes_of_storage() -> None:
    assert build().weights_bytes() == LENET5_PARAMETERS * FLOAT_BYTES
    assert build(precision=Precision.BF16).weights_bytes() == LENET5_PARAMETERS * 2


def test_what_inference_holds_is_weights_and_pictures() -> None:
    workload = build()

    workload.call()

    assert workload.held_bytes() == (LENET5_PARAMETERS + 2 * 32 * 32) * FLOAT_BYTES


def test_what_training_holds_is_weights_momenta_pictures_and_targets_without_gradients() -> None:
    workload = build(mode=Mode.TRAIN)
    target_bytes = 8

    before = workload.held_bytes()
    workload.call()

    rest_bytes = 2 * 32 * 32 * FLOAT_BYTES + 2 * target_bytes
    assert before == LENET5_PARAMETERS * FLOAT_BYTES + rest_bytes
    assert workload.held_bytes() == 2 * LENET5_PARAMETERS * FLOAT_BYTES + rest_bytes


def test_held_bytes_on_a_device_are_what_its_allocator_holds_at_rest() -> None:
    """Up to the rounding of each block; the allocator sees every tensor of the model that is made on it."""
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = build_workload(msgspec.structs.replace(CASE, mode=Mode.TRAIN), device)
        workload.call()
        held_bytes = workload.held_bytes()
        blocks = len(workload.model_call.held_tensors())

    assert held_bytes <= device.allocator.current_bytes < held_bytes + (blocks + 2) * 512


def test_a_storage_counts_once_however_many_views_it_has() -> None:
    tensor = torch.zeros(10)

    assert storage_bytes([tensor, tensor[2:], tensor.view(2, 5)]) == 10 * FLOAT_BYTES
    assert storage_bytes([tensor[:3]]) == 10 * FLOAT_BYTES, "a view keeps the whole storage alive"
    assert storage_bytes([tensor, torch.zeros(10)]) == 20 * FLOAT_BYTES
    assert storage_bytes([]) == 0


def test_a_call_is_its_phases_in_order() -> None:
    ran: list[str] = []

    @dataclasses.dataclass
    class Recording:
        metric: str

        def run(self) -> None:
            ran.append(self.metric)

    class Call:
        phases = (Recording("first"), Recording("second"))

    msgspec.structs.replace(build(), model_call=Call()).call()

    assert ran == ["first", "second"]


def test_a_compiled_model_is_what_is_called_and_the_eager_one_is_what_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = torch.nn.Sequential()

    def compile_by_wrapping(module: torch.nn.Module) -> torch.nn.Module:
        compiled.append(module)
        return compiled

    monkeypatch.setattr(subject_module.torch, "compile", compile_by_wrapping)
    workload = build(compiler=Compiler.INDUCTOR)
    calls: list[object] = []
    compiled.register_forward_pre_hook(lambda *_: calls.append(1))

    workload.call()

    assert calls == [1]
    assert workload.module is compiled[0]
    assert not compiled.training
