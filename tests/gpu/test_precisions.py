"""Precisions do what their names say, and the settings that are read back say so."""

from __future__ import annotations

import msgspec
import pytest
import torch
from torch import Tensor

from zoobench.cases import Case, Compiler, MemoryFormat, Mode, Precision
from zoobench.devices import CudaDevice
from zoobench.measure.worker.workload import autocast_of, build_workload

pytestmark = pytest.mark.gpu

TF32_ROUNDING = 2.0**-11
"""TF32 keeps 10 bits of the fraction."""


def error_of(product: Tensor, a: Tensor, b: Tensor) -> float:
    exact = a.double() @ b.double()
    return float((product.double() - exact).norm() / exact.norm())


def skip_without(device: CudaDevice, precision: Precision) -> None:
    if precision.value not in device.facts().precisions:
        pytest.skip(f"{device.facts().model} has no {precision.value}")


def test_tf32_changes_products_and_convolutions_and_is_read_back(device: CudaDevice, case: Case) -> None:
    skip_without(device, Precision.TF32)
    generator = torch.Generator("cuda").manual_seed(0)
    a, b = (torch.randn(1024, 1024, device="cuda", generator=generator) for _ in range(2))
    errors: dict[Precision, list[float]] = {}
    settings = {}
    for precision in (Precision.FP32, Precision.TF32):
        with device.settings(msgspec.structs.replace(case, precision=precision)):
            convolved = torch.nn.functional.conv2d(a.T[None, :, :, None], b.T[:, :, None, None])[0, :, :, 0].T
            errors[precision] = [error_of(a @ b, a, b), error_of(convolved, a, b)]
            settings[precision] = device.read_settings()

    assert max(errors[Precision.FP32]) < TF32_ROUNDING / 20
    assert min(errors[Precision.TF32]) > TF32_ROUNDING / 20
    assert max(errors[Precision.TF32]) < 4 * TF32_ROUNDING
    for name in ("matmul_fp32_precision", "cudnn_fp32_precision"):
        assert [settings[precision][name] for precision in errors] == ["ieee", "tf32"]


@pytest.mark.parametrize(
    ("precision", "dtype"), [(Precision.AMP_FP16, torch.float16), (Precision.AMP_BF16, torch.bfloat16)]
)
def test_autocast_computes_in_its_dtype_and_says_so(
    device: CudaDevice, case: Case, precision: Precision, dtype: torch.dtype
) -> None:
    case = msgspec.structs.replace(case, precision=precision)
    layer, x = torch.nn.Linear(64, 64, device="cuda"), torch.randn(8, 64, device="cuda")
    with device.settings(case):
        with autocast_of(precision, device.torch_device)():
            assert layer(x).dtype is dtype
        assert build_workload(case, device).read_settings()["autocast"] == str(dtype)


def test_fp16_training_scales_its_loss(device: CudaDevice, case: Case) -> None:
    case = msgspec.structs.replace(case, mode=Mode.TRAIN, precision=Precision.AMP_FP16)
    with device.settings(case):
        workload = build_workload(case, device)
        before = [parameter.detach().clone() for parameter in workload.module.parameters()]
        for _ in range(5):
            workload.call()
        settings = workload.read_settings()

    assert float(settings["loss_scale"]) > 1
    assert all(torch.isfinite(parameter).all() for parameter in workload.module.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, workload.module.parameters(), strict=True))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("precision", Precision)
def test_every_precision_runs_and_stays_finite(
    device: CudaDevice, case: Case, mode: Mode, precision: Precision
) -> None:
    skip_without(device, precision)
    case = msgspec.structs.replace(case, mode=mode, precision=precision, batch=4)
    with device.settings(case):
        workload = build_workload(case, device)
        for _ in range(2):
            workload.call()
        device.wait()
        assert all(torch.isfinite(parameter).all() for parameter in workload.module.parameters())


def test_channels_last_is_in_place_and_computes_the_same(device: CudaDevice, case: Case) -> None:
    outputs = []
    for memory_format in MemoryFormat:
        with device.settings(case), torch.inference_mode():
            workload = build_workload(msgspec.structs.replace(case, memory_format=memory_format), device)
            outputs.append(workload.module.eval()(workload.images))
    weight = next(parameter for parameter in workload.module.parameters() if parameter.dim() == 4)

    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert workload.images.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-3, atol=1e-3)


def test_a_compiled_model_runs_with_tf32(device: CudaDevice, case: Case) -> None:
    """torch.compile reads the old switch of TF32, which raises where it disagrees with the new one."""
    skip_without(device, Precision.TF32)
    pytest.importorskip("triton")
    case = msgspec.structs.replace(case, precision=Precision.TF32, compiler=Compiler.INDUCTOR)
    with device.settings(case):
        build_workload(case, device).call()
        device.wait()
