"""What one call of a model is, in inference and in training, as phases that can be timed apart."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import msgspec
import torch
from torch import Tensor, nn

from zoobench.cases import Case, Compiler, MemoryFormat, Mode, ModelRef, Precision, catalogue
from zoobench.cases.catalogue import Entry
from zoobench.devices import Device
from zoobench.measure.worker.rounds import CallPhase
from zoobench.zoo.build import build_model
from zoobench.zoo.inputs import example_images, logits_of

LEARNING_RATE = 1e-4
"""Small enough that the same images, step after step, do not drive the weights to infinity."""

MOMENTUM = 0.9

Autocast = Callable[[], AbstractContextManager[object]]
"""Makes the context in which the forward pass runs; a new one for every call."""


def weights_dtype(precision: Precision) -> torch.dtype:
    """The type to which weights and images are converted."""
    dtype: torch.dtype = getattr(torch, precision.traits.weights)
    return dtype


def autocast_of(precision: Precision, device: torch.device) -> Autocast:
    """What a forward pass in that precision runs under on that device."""
    name = precision.traits.autocast
    if name is None:
        return contextlib.nullcontext
    dtype: torch.dtype = getattr(torch, name)
    return lambda: torch.autocast(device.type, dtype=dtype)


class ModelCall(Protocol):
    """A call that can be repeated."""

    @property
    def phases(self) -> tuple[CallPhase, ...]:
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
        self.phases: tuple[CallPhase, ...] = (CallPhase("forward_latency", self._forward),)
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
        self.phases: tuple[CallPhase, ...] = (
            CallPhase("forward_latency", self._forward),
            CallPhase("backward_latency", self._backward),
            CallPhase("optimizer_latency", self._update),
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


# A case made real: a model on its device with its images, ready to be called.


SEED = 0
"""Of weights and images."""

_FORMATS = {MemoryFormat.CONTIGUOUS: torch.contiguous_format, MemoryFormat.CHANNELS_LAST: torch.channels_last}


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What probes work on. `module` is the eager model, also where its compiled form is called."""

    case: Case
    device: Device
    module: nn.Module
    images: Tensor
    model_call: ModelCall
    build_s: float

    def call(self) -> None:
        """One call, its phases not timed apart; the device may still be at work when it returns."""
        for phase in self.model_call.phases:
            phase.run()

    def weights_bytes(self) -> int:
        """Storage of parameters and buffers."""
        return storage_bytes([*self.module.parameters(), *self.module.buffers()])

    def read_settings(self) -> dict[str, str]:
        """What the case set for this model: seed, modes and formats, as the live objects have them."""
        parameter = next(self.module.parameters(), None)
        return {
            "seed": str(torch.initial_seed()),
            "is_training": str(self.module.training),
            "weights_dtype": str(None if parameter is None else parameter.dtype),
            "images_dtype": str(self.images.dtype),
            "images_channels_last": str(self.images.is_contiguous(memory_format=torch.channels_last)),
            **self.model_call.read_settings(),
        }

    def allocated_bytes(self) -> int | None:
        """What is allocated on the device when at rest, by whomever; None where nobody knows."""
        self.model_call.rest()
        return self.device.allocated_bytes()

    def resting_tensors(self) -> list[Tensor]:
        """All that lives between calls: weights, optimizer state, images and targets; gradients are dropped."""
        self.model_call.rest()
        return self.model_call.held_tensors()

    def held_bytes(self) -> int:
        """Storage of all that lives between calls."""
        return storage_bytes(self.resting_tensors())


def build_workload(
    case: Case,
    device: Device,
    clock: Callable[[], float] = time.perf_counter,
    *,
    build: Callable[[ModelRef], nn.Module] = build_model,
    entry: Entry | None = None,
) -> Workload:
    """Build the case's model and images on the device, by this catalogue's entry unless another is given.

    Raises: ZoobenchError for what the user can fix; whatever the model's own code raises.
    """
    torch.manual_seed(SEED)
    began = clock()
    module = _place(build(case.model), case, device)
    build_s = clock() - began
    images = _images(case, device, entry)
    return Workload(
        case=case,
        device=device,
        module=module,
        images=images,
        model_call=_model_call(case, device, module, images),
        build_s=build_s,
    )


def with_batch(workload: Workload, batch: int) -> Workload:
    """The same model on another number of images: it is not built again."""
    case = msgspec.structs.replace(workload.case, batch=batch)
    images = _images(case, workload.device)
    model_call = _model_call(case, workload.device, workload.module, images)
    return msgspec.structs.replace(workload, case=case, images=images, model_call=model_call)


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages, each counted once however many tensors are views of it."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def _place(module: nn.Module, case: Case, device: Device) -> nn.Module:
    dtype = weights_dtype(case.precision)
    # nn.Module.to takes a memory format for its 4-dimensional weights; the stubs do not know it
    return cast("nn.Module", module.to(device.torch_device, dtype, memory_format=_FORMATS[case.memory_format]))  # type: ignore[call-overload]


def _images(case: Case, device: Device, entry: Entry | None = None) -> Tensor:
    images: Tensor = example_images(
        entry or catalogue.entry_of(case.model),
        batch=case.batch,
        resolution=case.resolution,
        device=device.torch_device,
        dtype=weights_dtype(case.precision),
        seed=SEED,
    )
    return images.contiguous(memory_format=_FORMATS[case.memory_format])


def _model_call(case: Case, device: Device, module: nn.Module, images: Tensor) -> ModelCall:
    called = module if case.compiler is Compiler.EAGER else cast("nn.Module", torch.compile(module))
    autocast = autocast_of(case.precision, device.torch_device)
    if case.mode is Mode.INFER:
        return Inference(called, images, autocast)
    return TrainingStep(called, images, autocast, scales_loss=case.precision.traits.scales_loss)
