from __future__ import annotations

import pytest

from zoobench.cases import DeviceFacts, Matrix, MemoryFormat, Mode, Precision, UnknownNameError, catalogue
from zoobench.cases.options import usable_threads
from zoobench.cases.plans import COMPARISON, NAMES, is_timing_only, preset

CPU = DeviceFacts(name="cpu", is_available=True, precisions=("fp32", "amp-bf16", "bf16"))
CUDA = DeviceFacts(
    name="cuda", is_available=True, precisions=("fp32", "tf32", "amp-fp16", "amp-bf16", "fp16", "bf16"), amp="amp-fp16"
)
SECOND_CUDA = DeviceFacts(name="cuda:1", is_available=True, precisions=("fp32",), amp="amp-fp16")


def test_quick_is_the_comparison_of_the_papers() -> None:
    expected = Matrix(models=COMPARISON, modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,))
    assert preset("quick", CPU) == preset("quick", CUDA) == expected


def test_the_comparison_is_of_four_families_and_the_two_nets_they_compare_themselves_with() -> None:
    families = {entry.family for entry in catalogue.select(Matrix(models=COMPARISON))}
    four = {"squeezenet", "mobilenet-v1", "mobilenet-v2", "shufflenet-v1", "shufflenet-v2", "xception"}
    assert families == four | {"alexnet", "resnet"}


def test_default_is_the_default_suite_in_both_modes_and_with_the_device_s_own_amp() -> None:
    assert preset("default", CPU) == Matrix(
        models=("default-suite",),
        modes=(Mode.INFER, Mode.TRAIN),
        batch_sizes=(1, 8),
        precisions=(Precision.FP32, Precision.AMP_BF16),
    )
    assert preset("default", CUDA).precisions == (Precision.FP32, Precision.AMP_FP16)


@pytest.mark.parametrize("name", ["default", "full"])
@pytest.mark.parametrize("device", [CUDA, SECOND_CUDA])
def test_a_gpu_gets_larger_batches_too(name: str, device: DeviceFacts) -> None:
    assert preset(name, device).batch_sizes == (1, 8, 32, 128)


def test_full_is_everything_that_the_device_can_run() -> None:
    full = preset("full", CPU)
    assert full.precisions == (Precision.FP32, Precision.AMP_BF16, Precision.BF16)
    assert full.memory_formats == tuple(MemoryFormat)
    assert catalogue.select(full) == tuple(entry for entry in catalogue.entries() if not entry.is_variant)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_leaves_nothing_but_the_place_to_be_filled_in(name: str) -> None:
    matrix = preset(name, CPU).over(Matrix(device="cpu", threads=usable_threads()))
    entries = catalogue.select(matrix)
    cases = list(matrix.expand(tuple(entry.ref for entry in entries), lambda _: 224))
    assert {str(case.model) for case in cases} == {str(entry.ref) for entry in entries}


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown preset 'zzz': known: default, full, quick$"):
        preset("zzz", CPU)


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_preset_times_and_nothing_else(name: str) -> None:
    assert is_timing_only(name) is (name == "quick")
