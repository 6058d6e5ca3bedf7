"""The predicted peak against the same trace over real tensors (to the byte), and against the allocator."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable

import msgspec
import pytest
import torch
from synthetic import make_case
from torch import Tensor, nn
from torch._guards import active_fake_mode

from zoobench.cases import SMOKE_BUDGET, BadInputError, Case, Mode, Precision, catalogue
from zoobench.counting import UncountableError
from zoobench.counting.memory import Category, Peak, StandIns, TracePhase, cpu_onednn
from zoobench.counting.operators import storage_bytes
from zoobench.devices import CpuDevice
from zoobench.measure.worker.prediction import ADAM, OPTIMIZERS, observe_peak, predict_peak, trace_with_peak
from zoobench.measure.worker.probes.memory import MEMORY_PROBE, PREDICTION_PROBE
from zoobench.measure.worker.probes.probe import Probe, ProbeState
from zoobench.measure.worker.workload import Inference, TrainingStep, Workload, build_workload
from zoobench.records import Measurement
from zoobench.zoo.build import build_model

FLOAT_BYTES = 4
INFERENCE_TOLERANCE_RATIO = 0.10
TRAINING_TOLERANCE_RATIO = 0.03
SMALL_SIDE = 64
SMALL_TOLERANCE_RATIO = 0.005
LENET_TOLERANCE_RATIO = 0.02
"""On two threads a kernel for few channels holds 19 KB of sums that the table leaves out: 1.6 % of so small a peak."""
ODD_BATCHES = {
    "lenet5": (1, 2, 3, 5, 7, 15, 16, 17, 33),
    "squeezenet1_1": (1, 3, 17),
    "mobilenet_v1_025": (2, 5, 33),
    "shufflenet_v1_g3_x0_25": (1, 7, 16),
    "resnet18": (3,),
}
DEFAULT_SUITE = [entry.name for entry in catalogue.entries() if entry.is_default]
SMALL = ["lenet5", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v1_g3_x0_5", "shufflenet_v2_x1_0"]


def pictures(name: str, batch: int, *, is_small: bool = False) -> Tensor:
    entry = catalogue.find(name)
    side = min(entry.image_size, max(entry.min_image_size, SMALL_SIDE)) if is_small else entry.image_size
    return torch.randn(batch, entry.channels, side, side)


def over_real_tensors(module: nn.Module, images: Tensor, mode: Mode, precision: Precision) -> Peak:
    """The same account of a call that is computed."""

    def autocast() -> contextlib.AbstractContextManager[object]:
        is_amp = precision is Precision.AMP_BF16
        return torch.autocast("cpu", dtype=torch.bfloat16) if is_amp else contextlib.nullcontext()

    if mode is Mode.INFER:
        return observe_peak(Inference(module, images, autocast), module, autocast=autocast)
    return observe_peak(TrainingStep(module, images, autocast, scales_loss=False), module, autocast=autocast)


def check_exact(name: str, images: Tensor, precision: Precision) -> None:
    module = build_model(name)
    for mode in Mode:
        predicted = predict_peak(module, images, mode=mode, precision=precision)
        assert predicted == over_real_tensors(module, images, mode, precision)
    del module
    gc.collect()


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_BF16])
@pytest.mark.parametrize("name", SMALL)
def test_fake_tensors_live_and_die_as_real_ones(name: str, precision: Precision) -> None:
    check_exact(name, pictures(name, 2, is_small=True), precision)


class Attending(nn.Module):
    """A learned token, expanded over the batch, before layers with attention: views of a parameter, fused kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        tokens = torch.cat([self.token.expand(len(images), -1, -1), images.flatten(2).transpose(1, 2)], dim=1)
        logits: Tensor = self.head(self.layer(tokens)[:, 0])
        return logits


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_BF16])
@pytest.mark.parametrize("mode", list(Mode))
def test_attention_runs_in_the_kernels_of_the_device(mode: Mode, precision: Precision) -> None:
    module, images = Attending(), torch.randn(2, 8, 5, 5)
    assert predict_peak(module, images, mode=mode, precision=precision) == over_real_tensors(
        module, images, mode, precision
    )


class Mixing(nn.Module):
    """A composite operator of two precisions, which autocast brings together inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, images: Tensor) -> Tensor:
        features = self.layer(images)
        mixed = torch.einsum("nij,njk->nik", features.softmax(-1), features)
        assert mixed.dtype is features.dtype
        return mixed.mean(1)


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_BF16])
@pytest.mark.parametrize("mode", list(Mode))
def test_composites_are_autocast_in_their_parts(mode: Mode, precision: Precision) -> None:
    module, images = Mixing(), torch.randn(2, 6, 6)
    predicted = predict_peak(module, images, mode=mode, precision=precision)
    assert predicted == over_real_tensors(module, images, mode, precision)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_BF16])
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("name", DEFAULT_SUITE)
def test_the_default_suite_is_exact_over_real_tensors(name: str, batch: int, precision: Precision) -> None:
    check_exact(name, pictures(name, batch), precision)


def error_ratio(name: str, mode: Mode, batch: int) -> float:
    """Of the prediction with workspace, against the allocator's events of a call."""
    entry = catalogue.find(name)
    case = Case(
        model=entry.ref,
        mode=mode,
        batch=batch,
        image_size=entry.image_size,
        precision=Precision.FP32,
        device="cpu",
        threads=2,
    )
    device = CpuDevice()
    with device.settings(case):
        workload = build_workload(case, device)
        workload.call()
        allocated_bytes = workload.held_bytes() + device.measure_peak_memory(workload.call).growth_bytes
        backend = cpu_onednn(threads=case.threads)
        predicted = predict_peak(workload.module, workload.images, mode=mode, backend=backend)
    return predicted.total_bytes / allocated_bytes - 1


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x1_0"])
def test_with_workspace_it_is_near_the_allocators_events(name: str) -> None:
    assert abs(error_ratio(name, Mode.INFER, 8)) < INFERENCE_TOLERANCE_RATIO
    assert abs(error_ratio(name, Mode.TRAIN, 2)) < TRAINING_TOLERANCE_RATIO


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", DEFAULT_SUITE)
def test_the_default_suite_is_near_the_allocators_events(name: str) -> None:
    assert abs(error_ratio(name, Mode.INFER, 8)) < INFERENCE_TOLERANCE_RATIO
    assert abs(error_ratio(name, Mode.TRAIN, 8)) < TRAINING_TOLERANCE_RATIO


@pytest.mark.parametrize("name", SMALL)
def test_the_counting_pass_foretells_the_same_of_inference(name: str) -> None:
    module, images, backend = build_model(name), pictures(name, 2), cpu_onednn(threads=2)
    _, peak = trace_with_peak(module, images, backend=backend)
    assert peak == predict_peak(module, images, mode=Mode.INFER, backend=backend)


IMAGES = torch.empty(4, 10, device="meta")
WEIGHTS = 10 * 100 + 100 * 5


class Net(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(10, 100, bias=False), nn.ReLU(), nn.Linear(100, 5, bias=False))


def training(module: nn.Module, images: Tensor = IMAGES, **more: object) -> dict[Category, int]:
    return predict_peak(module, images, mode=Mode.TRAIN, **more).bytes_by_category


@pytest.mark.parametrize(("optimizer", "moments"), [("sgd", 1), ("adam", 2)])
def test_an_optimizer_has_its_state_from_the_step_before(optimizer: str, moments: int) -> None:
    """SGD a momentum a parameter; Adam two moments, and a count of steps for each tensor."""
    counts = 2 * FLOAT_BYTES if optimizer == ADAM else 0
    amounts = training(Net(), optimizer=optimizer)
    assert amounts[Category.WEIGHTS] == FLOAT_BYTES * WEIGHTS
    assert amounts[Category.OPTIMIZER] == moments * FLOAT_BYTES * WEIGHTS + counts


def test_the_steps_own_peak_may_be_the_optimizers() -> None:
    """One wide layer of one picture: all gradients and Adam's temporaries outweigh activations."""
    net = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 3))
    peak = predict_peak(net, torch.empty(1, 100), mode=Mode.TRAIN, optimizer=ADAM)
    assert peak.phase is TracePhase.OPTIMIZER
    assert peak.path == ""
    assert peak.bytes_by_category[Category.GRADIENTS] == peak.bytes_by_category[Category.WEIGHTS]


def test_inputs_are_pictures_and_targets() -> None:
    assert training(Net())[Category.INPUTS] == FLOAT_BYTES * 40 + 8 * 4
    peak = predict_peak(Net(), IMAGES, mode=Mode.INFER)
    assert peak.bytes_by_category[Category.INPUTS] == FLOAT_BYTES * 40


def test_frozen_parameters_have_neither_gradient_nor_momentum() -> None:
    net = Net()
    net[0].weight.requires_grad_(False)
    amounts = training(net)
    assert amounts[Category.OPTIMIZER] == FLOAT_BYTES * 500
    assert amounts[Category.WEIGHTS] == FLOAT_BYTES * WEIGHTS


def test_a_shared_parameter_is_entered_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False)
            self.other.weight = self.one.weight

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.other(self.one(x))
            return logits

    amounts = training(Tied())
    assert amounts[Category.WEIGHTS] == amounts[Category.OPTIMIZER] == FLOAT_BYTES * 100


def test_saved_activations_grow_with_the_batch_and_weights_do_not() -> None:
    small, large = (training(Net(), torch.empty(batch, 10, device="meta")) for batch in (1000, 2000))
    assert large[Category.WEIGHTS] == small[Category.WEIGHTS]
    assert large[Category.SAVED] == pytest.approx(2 * small[Category.SAVED], rel=0.01)


def test_auxiliary_heads_are_part_of_the_step() -> None:
    """GoogLeNet gives a named tuple of three heads in training, and one tensor in inference."""
    googlenet = build_model("googlenet")
    step = predict_peak(googlenet, pictures("googlenet", 1), mode=Mode.TRAIN)
    assert step.bytes_by_category[Category.OPTIMIZER] == storage_bytes(googlenet.parameters())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", list(Precision))
def test_every_precision_and_optimizer_has_a_step(precision: Precision, optimizer: str) -> None:
    entry = catalogue.find("lenet5")
    images = torch.empty(8, entry.channels, entry.image_size, entry.image_size, device="meta")
    module = build_model("lenet5")
    amounts = predict_peak(module, images, mode=Mode.TRAIN, precision=precision, optimizer=optimizer).bytes_by_category
    is_half = precision in (Precision.FP16, Precision.BF16)
    assert amounts[Category.WEIGHTS] == storage_bytes([*module.parameters(), *module.buffers()]) // (1 + is_half)


def test_amp_keeps_weights_in_fp32_and_saves_less() -> None:
    module, images = build_model("mobilenet_v2"), pictures("mobilenet_v2", 8)
    full, mixed = (
        predict_peak(module, images, mode=Mode.TRAIN, precision=precision).bytes_by_category
        for precision in (Precision.FP32, Precision.AMP_BF16)
    )
    assert mixed[Category.WEIGHTS] == full[Category.WEIGHTS]
    assert 0.45 < mixed[Category.SAVED] / full[Category.SAVED] < 0.6


def test_nothing_is_allocated_whatever_the_batch() -> None:
    """Three petabytes of activations."""
    images = torch.empty(1, 1, 32, 32, device="meta").expand(2**36, 1, 32, 32)
    peak = predict_peak(build_model("lenet5"), images, mode=Mode.TRAIN)
    assert peak.bytes_by_category[Category.SAVED] > 10**15


def test_the_module_is_left_as_it_was() -> None:
    module = build_model("lenet5").eval()
    module[0].train() if isinstance(module, nn.Sequential) else None
    before = {name: (tensor, tensor.clone()) for name, tensor in module.state_dict(keep_vars=True).items()}
    flags = [part.training for part in module.modules()]
    for mode in Mode:
        predict_peak(module, pictures("lenet5", 2), mode=mode)

    assert [part.training for part in module.modules()] == flags
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    for name, tensor in module.state_dict(keep_vars=True).items():
        was, values = before[name]
        assert tensor is was
        assert torch.equal(tensor, values)
        assert tensor.grad is None


class Choosing(nn.Module):
    def __init__(self, choose: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.choose = choose
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.choose(x * self.scale)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (
            Choosing(lambda x: x * 2 if x.sum() > 0 else x),
            "memory of Choosing cannot be predicted: .* needs values",
        ),
        (Choosing(lambda x: x[x > 0]), "memory of Choosing cannot be predicted: aten.nonzero.default needs values"),
        (nn.Linear(7, 5), "memory of Linear cannot be predicted: .*reduction dim"),
        (nn.LazyLinear(5), "weight is lazy and has no shape yet"),
    ],
    ids=["if", "mask", "wrong shape", "lazy"],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_what_cannot_be_predicted_says_why_in_one_line(
    module: nn.Module, reason: str, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UncountableError, match=reason) as refused:
        predict_peak(module, IMAGES, mode=mode)
    assert "\n" not in str(refused.value)
    assert not caplog.records


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", ODD_BATCHES)
def test_small_and_odd_batches_are_predicted_as_they_are_measured(name: str, mode: Mode, threads: int) -> None:
    """In fp32, in which every capability of a processor has kernels that the table knows."""
    entry = catalogue.find(name)
    side = min(entry.image_size, max(entry.min_image_size, SMALL_SIDE))
    plain = msgspec.structs.replace(make_case("lenet5", mode=mode, threads=threads), model=entry.ref, image_size=side)
    tolerance_ratio = LENET_TOLERANCE_RATIO if name == "lenet5" else SMALL_TOLERANCE_RATIO
    device = CpuDevice()
    with device.settings(plain):
        for batch in ODD_BATCHES[name]:
            workload = build_workload(msgspec.structs.replace(plain, batch=batch), device)
            workload.call()
            (predicted, measured) = (peak_of(probe, workload) for probe in (PREDICTION_PROBE, MEMORY_PROBE))
            assert predicted == pytest.approx(measured, rel=tolerance_ratio), f"batch {batch}"


def peak_of(probe: Probe, workload: Workload) -> float:
    results = probe.measure(workload, SMOKE_BUDGET, ProbeState())
    found = {each.metric: each.samples[0] for each in results if isinstance(each, Measurement)}
    return found.get("predicted_peak") or found["peak_allocated"]


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"no optimizer is called 'sdg': choose from sgd, adam"):
        predict_peak(Net(), IMAGES, mode=Mode.TRAIN, optimizer="sdg")


def test_no_stand_in_is_made_under_the_mode_of_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some releases (torch 2.9) refuse to make a fake tensor of what is one already."""
    modes: list[object] = []
    of = StandIns.of
    monkeypatch.setattr(StandIns, "of", lambda self, tensor: modes.append(active_fake_mode()) or of(self, tensor))

    predict_peak(nn.Linear(4, 4), torch.zeros(2, 4), mode=Mode.INFER)

    assert modes == [None] * 3, "weight, bias, pictures"
