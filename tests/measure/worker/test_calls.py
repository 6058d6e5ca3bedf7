from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from fakes import FakeAsyncDevice, FakeClock
from torch import Tensor, nn

from zoobench.cases import Budget
from zoobench.measure.worker.timing_loop import sample
from zoobench.measure.worker.workload import LEARNING_RATE, MOMENTUM, Inference, ModelCall, TrainingStep

BATCH = 4
FEATURES = 6
CLASSES = 3


class Observed(nn.Module):
    """A linear classifier that writes down what its forward pass met."""

    def __init__(self, outputs: Callable[[Tensor], object] = lambda logits: logits) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)
        self._outputs = outputs
        self.forwards = 0
        self.met: list[dict[str, object]] = []

    def forward(self, images: Tensor) -> object:
        self.forwards += 1
        logits = self.layer(images)
        self.met.append(
            {
                "training": self.training,
                "inference": torch.is_inference_mode_enabled(),
                "grad": torch.is_grad_enabled(),
                "gradients": [parameter.grad for parameter in self.parameters()],
                "dtype": logits.dtype,
            }
        )
        return self._outputs(logits)


@pytest.fixture
def images() -> Tensor:
    return torch.randn(BATCH, FEATURES, generator=torch.Generator().manual_seed(0))


def run(call: ModelCall) -> None:
    for phase in call.phases:
        phase.run()


def hooks_of(module: nn.Module) -> list[object]:
    kinds = [name for name in vars(nn.Module()) if name.endswith(("_hooks", "_hooks_with_kwargs"))]
    assert len(kinds) > 5
    return [hook for child in module.modules() for kind in kinds for hook in getattr(child, kind).values()]


def test_inference_is_in_eval_mode_without_gradients(images: Tensor) -> None:
    module = Observed().train()
    call = Inference(module, images, contextlib.nullcontext)

    run(call)

    [met] = module.met
    assert (met["training"], met["inference"], met["grad"]) == (False, True, False)
    assert [phase.metric for phase in call.phases] == ["forward_latency"]


def test_inference_under_autocast_computes_in_its_dtype(images: Tensor) -> None:
    module = Observed()

    run(Inference(module, images, lambda: torch.autocast("cpu", dtype=torch.bfloat16)))

    assert module.met[0]["dtype"] is torch.bfloat16
    assert not torch.is_autocast_enabled("cpu")


def test_between_inferences_weights_and_pictures_are_held(images: Tensor) -> None:
    module = Observed()
    call = Inference(module, images, contextlib.nullcontext)

    run(call)
    call.rest()

    assert [id(tensor) for tensor in call.held_tensors()] == [*map(id, module.parameters()), id(images)]


def test_a_timed_training_step_runs_forward_once(images: Tensor) -> None:
    clock = FakeClock()
    device = FakeAsyncDevice(clock)
    module = Observed()
    call = TrainingStep(module, images, contextlib.nullcontext, scales_loss=False)

    with device.settings(case=None):  # type: ignore[arg-type]
        sampled = sample(call.phases, device, Budget(max_rounds=5, min_rounds=5), clock=clock)

    assert len(sampled.rounds) == 5
    assert module.forwards == sampled.warm_up_calls + 5


def test_gradients_are_none_before_every_forward_pass(images: Tensor) -> None:
    module = Observed()
    call = TrainingStep(module, images, contextlib.nullcontext, scales_loss=False)

    for _ in range(3):
        run(call)

    assert [met["gradients"] for met in module.met] == [[None, None]] * 3
    assert all(met["training"] and met["grad"] for met in module.met)
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_nothing_is_hooked_onto_the_model(images: Tensor) -> None:
    module = Observed()

    run(TrainingStep(module, images, contextlib.nullcontext, scales_loss=False))
    run(Inference(module, images, contextlib.nullcontext))

    assert hooks_of(module) == []


def test_the_steps_are_those_of_sgd_with_momentum(images: Tensor) -> None:
    """By hand: v ← μ v + g (v = g at first), w ← w - η v (Sutskever et al. 2013, as torch.optim.SGD writes it)."""
    module, reference = Observed(), Observed()
    reference.load_state_dict(module.state_dict())
    call = TrainingStep(module, images, contextlib.nullcontext, scales_loss=False)
    velocities = [torch.zeros_like(weight) for weight in reference.parameters()]

    for _ in range(3):
        run(call)
        loss = nn.functional.cross_entropy(reference.layer(images), torch.zeros(BATCH, dtype=torch.int64))
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        with torch.no_grad():
            for weight, gradient, velocity in zip(reference.parameters(), gradients, velocities, strict=True):
                velocity.mul_(MOMENTUM).add_(gradient)
                weight.sub_(LEARNING_RATE * velocity)

    for weight, expected in zip(module.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=1e-7)


def test_auxiliary_heads_add_their_loss(images: Tensor) -> None:
    """Two heads of the same logits double the gradient."""
    single, double = Observed(), Observed(lambda logits: (logits, logits))
    double.load_state_dict(single.state_dict())

    for module in (single, double):
        run(TrainingStep(module, images, contextlib.nullcontext, scales_loss=False))

    torch.testing.assert_close(double.layer.weight.grad, 2 * single.layer.weight.grad)


def test_an_fp16_loss_is_scaled_and_the_step_is_not(images: Tensor) -> None:
    """The gradient of the scaled loss, unscaled again before the step: weights move as without scaling."""
    scaled, plain = Observed(), Observed()
    plain.load_state_dict(scaled.state_dict())
    autocast = contextlib.nullcontext

    scaled_call = TrainingStep(scaled, images, autocast, scales_loss=True)
    forward, backward, update = scaled_call.phases
    forward.run()
    backward.run()
    scaled_gradient = scaled.layer.weight.grad.clone()
    update.run()
    run(TrainingStep(plain, images, autocast, scales_loss=False))

    torch.testing.assert_close(scaled_gradient, 65_536.0 * plain.layer.weight.grad)
    torch.testing.assert_close(scaled.layer.weight, plain.layer.weight)


def test_frozen_weights_stay(images: Tensor) -> None:
    module = Observed()
    module.layer.weight.requires_grad_(requires_grad=False)
    before = module.layer.weight.clone()

    run(TrainingStep(module, images, contextlib.nullcontext, scales_loss=False))

    assert torch.equal(module.layer.weight, before)
    assert module.layer.weight.grad is None


def test_at_rest_a_training_step_holds_weights_momenta_pictures_and_targets(images: Tensor) -> None:
    module = Observed()
    call = TrainingStep(module, images, contextlib.nullcontext, scales_loss=False)

    run(call)
    call.rest()

    weights = list(module.parameters())
    shapes = [tuple(tensor.shape) for tensor in call.held_tensors()]
    once = [tuple(weight.shape) for weight in weights]
    assert shapes == [*once, *once, tuple(images.shape), (BATCH,)]
    assert all(weight.grad is None for weight in weights)


def test_backward_comes_after_forward(images: Tensor) -> None:
    call = TrainingStep(Observed(), images, contextlib.nullcontext, scales_loss=False)

    with pytest.raises(RuntimeError, match="backward comes after forward"):
        call.phases[1].run()


@pytest.mark.parametrize("scales_loss", [False, True])
def test_only_a_step_that_asks_whether_gradients_are_finite_waits_for_the_device(
    images: Tensor, *, scales_loss: bool
) -> None:
    assert Inference(Observed(), images, contextlib.nullcontext).is_capturable
    step = TrainingStep(Observed(), images, contextlib.nullcontext, scales_loss=scales_loss)
    assert step.is_capturable is not scales_loss
