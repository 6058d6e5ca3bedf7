"""A case made real: a model on its device with its pictures, ready to be called."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import cast

import msgspec
import torch
from torch import Tensor, nn

from zoobench import catalogue
from zoobench.calls import WHOLE_MODEL_DTYPES, Inference, ModelCall, TrainingStep, autocast_of
from zoobench.cases import Case, Compiler, MemoryFormat, Mode, ModelRef, Precision
from zoobench.catalogue import Entry
from zoobench.devices import Device
from zoobench.zoo.build import build_model
from zoobench.zoo.inputs import example_images

SEED = 0
"""Of weights and pictures."""

_FORMATS = {MemoryFormat.CONTIGUOUS: torch.contiguous_format, MemoryFormat.CHANNELS_LAST: torch.channels_last}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What probes work on. `module` is the eager model, also where its compiled form is called."""

    case: Case
    device: Device
    module: nn.Module
    images: Tensor
    model_call: ModelCall
    build_s: float

    def call(self) -> None:
        """One call, its phases not told apart; the device may still be at work when it returns."""
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
        """All that lives between calls: weights, optimizer state, pictures and targets; gradients are dropped."""
        self.model_call.rest()
        return self.model_call.held_tensors()

    def held_bytes(self) -> int:
        """Storage of all that lives between calls."""
        return storage_bytes(self.resting_tensors())


def build_subject(
    case: Case,
    device: Device,
    clock: Callable[[], float] = time.perf_counter,
    *,
    build: Callable[[ModelRef], nn.Module] = build_model,
    entry: Entry | None = None,
) -> Subject:
    """Build the case's model and pictures on the device, by this catalogue's entry unless another is given.

    Raises: ZoobenchError for what the user can mend; whatever the model's own code raises.
    """
    torch.manual_seed(SEED)
    began = clock()
    module = _place(build(case.model), case, device)
    build_s = clock() - began
    images = _images(case, device, entry)
    return Subject(
        case=case,
        device=device,
        module=module,
        images=images,
        model_call=_model_call(case, device, module, images),
        build_s=build_s,
    )


def with_batch(subject: Subject, batch: int) -> Subject:
    """The same model on another number of pictures: it is not built again."""
    case = msgspec.structs.replace(subject.case, batch=batch)
    images = _images(case, subject.device)
    model_call = _model_call(case, subject.device, subject.module, images)
    return msgspec.structs.replace(subject, case=case, images=images, model_call=model_call)


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages, each counted once however many tensors are views of it."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def _place(module: nn.Module, case: Case, device: Device) -> nn.Module:
    dtype = WHOLE_MODEL_DTYPES.get(case.precision, torch.float32)
    # nn.Module.to takes a memory format for its 4-dimensional weights; the stubs do not know it
    return cast("nn.Module", module.to(device.torch_device, dtype, memory_format=_FORMATS[case.memory_format]))  # type: ignore[call-overload]


def _images(case: Case, device: Device, entry: Entry | None = None) -> Tensor:
    images: Tensor = example_images(
        entry or catalogue.entry_of(case.model),
        batch=case.batch,
        picture=case.picture,
        device=device.torch_device,
        dtype=WHOLE_MODEL_DTYPES.get(case.precision, torch.float32),
        seed=SEED,
    )
    return images.contiguous(memory_format=_FORMATS[case.memory_format])


def _model_call(case: Case, device: Device, module: nn.Module, images: Tensor) -> ModelCall:
    called = module if case.compiler is Compiler.EAGER else cast("nn.Module", torch.compile(module))
    autocast = autocast_of(case.precision, device.torch_device)
    if case.mode is Mode.INFER:
        return Inference(called, images, autocast)
    return TrainingStep(called, images, autocast, scales_loss=case.precision is Precision.AMP_FP16)
