"""Peak memory of one call, predicted without computing: the call itself runs, on tensors that have no data.

What runs is what is measured (`zoobench.measure.worker.workload`), with torch's fake tensors in place of weights and
images. They claim to be on the device, so autocast and the choice of kernels are as in reality, and they die when
real ones would, so the account of them is true to life.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.cases import BadInputError, Mode, Precision
from zoobench.counting import costs
from zoobench.counting.costs import FORWARD_ERRORS, refusal
from zoobench.counting.memory import NOTHING, Answers, Backend, Category, Ledger, Peak, StandIns, TracePhase
from zoobench.counting.modules import ModuleWatch
from zoobench.counting.operators import storage_bytes
from zoobench.counting.trace import Observer, Trace, left_as_found, refuse_uninitialised, trace_forward
from zoobench.measure.worker.workload import (
    LEARNING_RATE,
    Autocast,
    Inference,
    ModelCall,
    TrainingStep,
    autocast_of,
    weights_dtype,
)

# Peak memory of inference from the same pass over meta tensors that counts.


def trace_with_peak(
    module: nn.Module,
    images: Tensor,
    *,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
    backend: Backend = NOTHING,
) -> tuple[Trace, Peak]:
    """`trace_forward`, and the peak of that pass in the precision of its weights.

    Meta tensors have no kernels of their own, so attention is that of plain operators, which keep the scores; for nets
    with attention `zoobench.measure.worker.prediction` is the better foreteller.
    Raises: UncountableError as `trace_forward`.
    """
    held = {
        Category.WEIGHTS: storage_bytes([*module.parameters(), *module.buffers()]),
        Category.INPUTS: storage_bytes([images]),
    }
    ledger = Ledger(held, backend)

    def observer(operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        ledger.observe(operator, args, kwargs, _as_on_a_device(operator, args, result))

    trace = trace_forward(module, images, costs.table(extra_costs), observer)
    peak = ledger.peak()
    path = trace.operators[ledger.peak_number - 1].path if ledger.peak_number else ""
    return trace, msgspec.structs.replace(peak, path=path)


def _as_on_a_device(operator: OpOverload, args: Sequence[Any], result: Any) -> Any:
    """Batch norm that does not train has no statistics of its batch; on meta tensors it gives some."""
    is_batch_norm = operator.overloadpacket is torch.ops.aten.native_batch_norm
    return result[0] if is_batch_norm and args[_IS_TRAINING] is False else result


_IS_TRAINING = 5
"""Place among the arguments of aten.native_batch_norm."""


SGD = "sgd"
ADAM = "adam"
OPTIMIZERS = (SGD, ADAM)

_CPU = torch.device("cpu")
_VALUE_ERRORS = (DataDependentOutputException, DynamicOutputShapeException)

Run = Callable[[OpOverload, Sequence[Any], dict[str, Any]], Any]
"""Calls an operator, or knows what it would give."""


def _run(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    return operator(*args, **kwargs)


def predict_peak(
    module: nn.Module,
    images: Tensor,
    *,
    mode: Mode,
    precision: Precision = Precision.FP32,
    optimizer: str = SGD,
    device: torch.device = _CPU,
    backend: Backend = NOTHING,
) -> Peak:
    """The peak of one inference or training step, not the first one, on `images` (N, channels, height, width).

    Of module and images only shapes, strides and dtypes matter, so they may be on any device, meta too; the module is
    left as it was found. `backend` is the table of what the device's kernels allocate for themselves.
    Raises: UncountableError if the call needs values, or fails; BadInputError for an unknown optimizer.
    """
    if optimizer not in OPTIMIZERS:
        raise BadInputError(f"no optimizer is called {optimizer!r}: choose from {', '.join(OPTIMIZERS)}")
    refuse_uninitialised(module)
    fakes = FakeTensorMode(allow_non_fake_inputs=True)
    with left_as_found(module), _refusals(module):
        dtype = weights_dtype(precision)
        stand_ins = StandIns(fakes, device, None if dtype is torch.float32 else dtype)
        stand_ins.take_over(module)
        images = stand_ins.of(images)  # not under their mode: torch 2.9 makes no fake tensor of a fake one
        with fakes:
            autocast = autocast_of(precision, device)
            call = _model_call(module, images, autocast, mode=mode, precision=precision, optimizer=optimizer)
            return observe_peak(call, module, autocast=autocast, backend=backend, run=Answers(fakes).give)


def observe_peak(
    call: ModelCall,
    module: nn.Module,
    *,
    autocast: Autocast = contextlib.nullcontext,
    backend: Backend = NOTHING,
    run: Run = _run,
) -> Peak:
    """The peak of one call of `module`, on whatever tensors it holds: real ones are computed with.

    `autocast` is what the call's forward pass runs under.
    The optimizer gets its state beforehand: every parameter that can have a gradient is taken to get one.
    """
    weights = [*module.parameters(), *module.buffers()]
    weights_bytes, held_bytes = storage_bytes(weights), storage_bytes(call.held_tensors())
    _make_optimizer_state(call, weights, _Watch(run, autocast))
    held = {
        Category.WEIGHTS: weights_bytes,
        Category.INPUTS: held_bytes - weights_bytes,
        Category.OPTIMIZER: storage_bytes(call.held_tensors()) - held_bytes,
    }
    modules = ModuleWatch(module)
    ledger = Ledger(held, backend, lambda: "" if ledger.phase is TracePhase.OPTIMIZER else modules.path)
    with modules.watching(), _Watch(run, autocast, ledger.observe):
        for phase, part in zip(TracePhase, call.phases, strict=False):
            ledger.phase = phase
            part.run()
            ledger.end_phase(weight.grad for weight in weights if weight.grad is not None)
    call.rest()
    return ledger.peak()


def _model_call(
    module: nn.Module, images: Tensor, autocast: Autocast, *, mode: Mode, precision: Precision, optimizer: str
) -> ModelCall:
    if mode is Mode.INFER:
        return Inference(module, images, autocast)
    is_scaled = precision.traits.scales_loss
    return _Step(module, images, autocast, scales_loss=is_scaled, optimizer=optimizer)


class _Step(TrainingStep):
    """A training step with an optimizer of choice, in which no gradient overflows: a scaler asks for their values."""

    def __init__(
        self, module: nn.Module, images: Tensor, autocast: Autocast, *, scales_loss: bool, optimizer: str
    ) -> None:
        super().__init__(module, images, autocast, scales_loss=scales_loss)
        if optimizer == ADAM:
            trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
            self._optimizer = torch.optim.Adam(trainable, lr=LEARNING_RATE)  # type: ignore[assignment]

    def _update(self) -> None:
        self._optimizer.step()


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Runs every operator below autograd and autocast, and shows it to the witness."""

    def __init__(self, run: Run, autocast: Autocast, observer: Observer | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._run = run
        self._autocast = autocast
        self._observer = observer

    def __torch_dispatch__(
        self, operator: OpOverload, _types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if operator.namespace == "prim":
            return self._run(operator, args, kwargs)
        if torch.is_inference_mode_enabled():
            with self, self._autocast():  # parts of a composite are cast as well, and here autocast is over
                result = operator.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = self._run(operator, args, kwargs)
        if self._observer is not None:
            self._observer(operator, args, kwargs, result)
        return result


@contextlib.contextmanager
def _refusals(module: nn.Module) -> Iterator[None]:
    workload = f"memory of {type(module).__name__} cannot be predicted"
    log = logging.getLogger(FakeTensorMode.__module__)
    was_disabled, log.disabled = log.disabled, True  # it prints a traceback of what is one line here
    try:
        yield
    except _VALUE_ERRORS as error:
        raise refusal(workload, f"{error.func} needs values, not shapes") from error
    except (*FORWARD_ERRORS, BadInputError) as error:
        raise refusal(workload, error) from error
    finally:
        log.disabled = was_disabled


def _make_optimizer_state(call: ModelCall, weights: Iterable[Tensor], watch: _Watch) -> None:
    """By a step with gradients that are all 0."""
    if len(call.phases) < len(TracePhase):
        return
    with watch:
        for weight in weights:
            weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
        call.phases[-1].run()
    call.rest()
