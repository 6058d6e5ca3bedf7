"""What one call of a model is, in inference and in training, as phases that can be timed apart."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from zoobench.cases import Precision
from zoobench.timing.rounds import Phase
from zoobench.zoo.inputs import logits_of

LEARNING_RATE = 1e-4
"""Small enough that the same pictures, step after step, do not drive the weights to infinity."""

MOMENTUM = 0.9

Autocast = Callable[[], AbstractContextManager[object]]
"""Makes the context in which the forward pass runs; a new one for every call."""


WHOLE_MODEL_DTYPES = {Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}
"""Precisions to which weights and pictures are converted; in the others they are fp32."""

_AUTOCAST_DTYPES = {Precision.AMP_FP16: torch.float16, Precision.AMP_BF16: torch.bfloat16}


def autocast_of(precision: Precision, device: torch.device) -> Autocast:
    """What a forward pass in that precision runs under on that device."""
    dtype = _AUTOCAST_DTYPES.get(precision)
    if dtype is None:
        return contextlib.nullcontext
    return lambda: torch.autocast(device.type, dtype=dtype)


class ModelCall(Protocol):
    """A call that can be repeated."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Its parts in order."""
        ...

    @property
    def is_capturable(self) -> bool:
        """Whether the host never waits for a result within a call, so that a CUDA graph of it can be captured."""
        ...

    def rest(self) -> None:
        """Drop what one call leaves for the next, so that the memory held is the least."""
        ...

    def held_tensors(self) -> list[Tensor]:
        """What stays allocated between calls when at rest."""
        ...

    def read_settings(self) -> dict[str, str]:
        """What its forward pass runs under, as found there, and what its loss is scaled by."""
        ...


class Inference:
    """A forward pass in `eval` mode under `torch.inference_mode`; its output is dropped at once."""

    def __init__(self, module: nn.Module, images: Tensor, autocast: Autocast) -> None:
        self._module = module.eval()
        self._images = images
        self._autocast = autocast
        self.phases: tuple[Phase, ...] = (Phase("forward_latency", self._forward),)
        self.is_capturable = True

    def rest(self) -> None:
        """Inference leaves nothing behind."""

    def held_tensors(self) -> list[Tensor]:
        return [*self._module.parameters(), *self._module.buffers(), self._images]

    def read_settings(self) -> dict[str, str]:
        with torch.inference_mode(), self._autocast():
            return _read_autocast(self._images.device.type)

    def compute(self) -> Any:
        """One pass, its output kept."""
        with torch.inference_mode(), self._autocast():
            return self._module(self._images)

    def _forward(self) -> None:
        self.compute()


class TrainingStep:
    """Gradients set to None, forward, loss, backward, a step of SGD with momentum; fp16 scales its loss.

    Targets are all class 0: the cost of the loss does not depend on them, and every model has a class 0.
    Auxiliary heads, where a model returns them, add their loss.
    """

    def __init__(self, module: nn.Module, images: Tensor, autocast: Autocast, *, scales_loss: bool) -> None:
        self._module = module.train()
        self._images = images
        self._autocast = autocast
        self._targets = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.SGD(trainable, lr=LEARNING_RATE, momentum=MOMENTUM)
        self._scaler = torch.amp.GradScaler(images.device.type, enabled=scales_loss)
        self._loss: Tensor | None = None
        self.phases: tuple[Phase, ...] = (
            Phase("forward_latency", self._forward),
            Phase("backward_latency", self._backward),
            Phase("optimizer_latency", self._update),
        )
        self.is_capturable = not scales_loss  # the scaler asks the device whether gradients are finite

    def rest(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        self._loss = None

    def held_tensors(self) -> list[Tensor]:
        state = [value for states in self._optimizer.state.values() for value in states.values()]
        momenta = [value for value in state if isinstance(value, Tensor)]
        return [*self._module.parameters(), *self._module.buffers(), *momenta, self._images, self._targets]

    def read_settings(self) -> dict[str, str]:
        scale = str(self._scaler.get_scale()) if self._scaler.is_enabled() else "none"
        with self._autocast():
            return {**_read_autocast(self._images.device.type), "loss_scale": scale}

    def _forward(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            logits = logits_of(self._module(self._images))
            losses = [nn.functional.cross_entropy(head, self._targets) for head in logits]
            self._loss = torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    def _backward(self) -> None:
        if self._loss is None:
            raise RuntimeError("backward comes after forward")
        self._scaler.scale(self._loss).backward()  # type: ignore[no-untyped-call]
        self._loss = None

    def _update(self) -> None:
        self._scaler.step(self._optimizer)
        self._scaler.update()


def _read_autocast(device_type: str) -> dict[str, str]:
    is_on = torch.is_autocast_enabled(device_type)
    return {
        "autocast": str(torch.get_autocast_dtype(device_type)) if is_on else "off",
        "inference_mode": str(torch.is_inference_mode_enabled()),
    }
