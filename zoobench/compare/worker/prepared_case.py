"""A case made real on one side of an experiment: counted, called once for its output, warmed up, timed in blocks."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.cases import COUNT_ONLY, Compiler, Mode, ModelRef
from zoobench.compare.messages import Prepare
from zoobench.compare.spec import CONVOLUTIONS, NORMALISATIONS
from zoobench.compare.worker.side_zoo import SideZoo
from zoobench.devices import REFERENCE, Device, get_device
from zoobench.measure.worker.layout import ShuffledLayout
from zoobench.measure.worker.probes import counts, memory
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.rounds import HOST_CLOCK, CallPhase, Round, take_round, watched_stops
from zoobench.measure.worker.side_effects import kept_settings
from zoobench.measure.worker.timing_loop import take_warm_up, typical_s
from zoobench.measure.worker.workload import SEED, Inference, Workload, autocast_of, build_workload
from zoobench.records import Measurement, MetricResult, Unavailable
from zoobench.records.comparison import Block
from zoobench.stats.interference import HOST_LEAD
from zoobench.stats.verdicts.plan import SETTLING_S
from zoobench.zoo.inputs import logits_of

# Makes the output of a freshly initialised net depend on its images, so that two outputs can disagree.
#
# With random weights and untrained statistics, signals die out on their way through many nets: of mobilenet_v1_100 in
# eval mode nothing but the classifier's bias is left, and vit_b_16 begins with a classifier of zeros. Whatever happened
# to their layers, such outputs would agree.


_SEED = 0
_SCALE = 0.02
"""Standard deviation of weights that were all zero: that of the usual initialisation of transformers."""


def recalibrate_batch_norm(module: nn.Module, images: Tensor) -> None:
    """Fill matrices of zeros, and let batch norms take their statistics from these images; leaves eval mode on."""
    _fill_zeros(module)
    module.eval()
    with torch.no_grad(), _taking_statistics(module):
        module(_two_at_least(images))


def _fill_zeros(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * _SCALE)


@contextlib.contextmanager
def _taking_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms alone are in training mode, and forget what they knew."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all calls: of this one
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()


def _two_at_least(images: Tensor) -> Tensor:
    """One image has no statistics where it has shrunk to a single pixel; then it comes with itself, shifted."""
    return images if len(images) > 1 else torch.cat((images, images.roll(1, -1)))


# Nets of torch's own layers alone, built by the harness on both sides: no change of a project can reach them.


_CLASSES = 10


def build_control(model: ModelRef) -> nn.Module:
    """The control of that name."""
    return _NETS[model]()


def _convolutions() -> nn.Module:
    """Bound by arithmetic: dense 3×3 convolutions of a quarter gigamultiply-accumulates on small images."""
    width = 64
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(6):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, *_head(width))


def _normalisations() -> nn.Module:
    """Bound by memory: every layer reads and writes megabytes and hardly computes."""
    width = 16
    layers: list[nn.Module] = [nn.Conv2d(3, width, 1)]
    for _ in range(8):
        layers += [nn.BatchNorm2d(width), nn.GroupNorm(4, width), nn.ReLU(), nn.AvgPool2d(3, stride=1, padding=1)]
    return nn.Sequential(*layers, *_head(width))


def _head(width: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, _CLASSES)


_NETS: dict[ModelRef, Callable[[], nn.Module]] = {CONVOLUTIONS: _convolutions, NORMALISATIONS: _normalisations}


# What a call asks torch to do: how many operators it calls, and where a compiler has to give up.


OPERATOR_CALLS, GRAPH_BREAKS = "operator_calls", "graph_breaks"


def count_operator_calls(workload: Workload) -> MetricResult:
    """Calls of torch's operators below autograd in one call of the case, optimizer included; in eager mode."""
    if workload.case.compiler is not Compiler.EAGER:
        reason = "a compiled call runs the compiler's own kernels"
        return Unavailable(metric=OPERATOR_CALLS, reason=reason)
    workload.call()  # an optimizer makes its state in its first step
    with _Counter() as counter:
        workload.call()
    workload.device.wait()
    return Measurement(metric=OPERATOR_CALLS, samples=(float(counter.calls),), method="operators below autograd")


def count_graph_breaks(workload: Workload) -> MetricResult:
    """Where the compiler cannot go on and hands back to Python, in one forward pass; where there is a compiler."""
    if workload.case.compiler is Compiler.EAGER:
        return Unavailable(metric=GRAPH_BREAKS, reason="nothing is compiled in eager mode")
    explain: Callable[..., Any] = torch._dynamo.explain(workload.module)  # noqa: SLF001 - as torch documents it
    autocast = autocast_of(workload.case.precision, workload.device.torch_device)
    with torch.inference_mode(workload.case.mode is Mode.INFER), autocast():
        found = explain(workload.images)
    return Measurement(metric=GRAPH_BREAKS, samples=(float(found.graph_break_count),), method="torch._dynamo.explain")


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Counts what passes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0

    def __torch_dispatch__(
        self, operator: OpOverload, _types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if operator.namespace != "prim":
            self.calls += 1
        return operator(*args, **(kwargs or {}))


_SAMPLE_DECIMALS = 9
"""Nanoseconds: finer digits are not measured."""

_CONDITION_DIGITS, _COUNTER_DIGITS = 4, 2
"""Significant ones: what was counted in a round is held against a share of its time, and every round is stored."""


class PreparedCase:
    """The prepared case. Its settings hold until it is released."""

    def __init__(self, request: Prepare, zoo: SideZoo) -> None:
        """Raises: whatever building the model raises; nothing is left behind then."""
        self._wasted_ratio = request.wasted_ratio
        self._device = get_device(request.case.device)
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.enter_context(self._device.settings(request.case))
            self._put_back = undo.enter_context(kept_settings(request.case, self._device))
            self._workload = _built(request, zoo, self._device)
            self._open = undo.pop_all()
        self._phases = self._workload.model_call.phases
        self._layout = ShuffledLayout(self._workload.resting_tensors, self._device.free_memory_bytes, seed=request.seed)
        self._keep_settings()

    def count(self) -> tuple[dict[str, float], dict[str, str]]:
        """Exact metrics by key, and why there are no others."""
        exact: dict[str, float] = {}
        unavailable: dict[str, str] = {}
        for result in self._exact_results():
            if isinstance(result, Measurement):
                exact[result.metric] = result.samples[0]
            else:
                unavailable[result.metric] = result.reason
        return exact, unavailable

    def compute(self) -> NDArray[np.float32]:
        """The primary logits of one call in eval mode, under the case's precision; compiled where inference is.

        The net is recalibrated for it: from here on, its weights and statistics are not those that it was built with.
        """
        output = logits_of(_evaluated(self._workload))[0]
        logits: NDArray[np.float32] = output.float().cpu().numpy()
        self._keep_settings()
        return logits

    def warm_up(self, bound_s: float) -> float:
        """Seconds that a call takes when warm; what is to be wasted is wasted from now on."""
        rounds = take_warm_up(lambda: self._take(1), bound_s, HOST_CLOCK)
        call_s = typical_s(rounds)
        if self._wasted_ratio:
            wasted_s = self._wasted_ratio * call_s
            self._phases = (*self._phases, CallPhase("wasted", lambda: slow_down(wasted_s)))
        self._keep_settings()
        return call_s

    def take_block(self, rounds: int, calls_a_round: int, *, has_new_layout: bool) -> Block:
        """Rounds under a new layout or the last one, after calls that settle and are not timed."""
        if has_new_layout:
            self._layout.shuffle()
        self._settle()
        with watched_stops():
            taken = [self._take(calls_a_round) for _ in range(rounds)]
        conditions = [*(r.conditions for r in taken), self._device.conditions()]
        self._keep_settings()
        return block_of(taken, calls_a_round, [c[REFERENCE] for c in conditions if REFERENCE in c])

    def release(self) -> None:
        """Free the model and put the settings back."""
        self._open.close()
        del self._workload, self._layout, self._phases
        gc.collect()

    def _take(self, calls: int) -> Round:
        return take_round(self._phases * calls, self._device)

    def _settle(self) -> None:
        """One call at least."""
        began = HOST_CLOCK()
        self._take(1)
        while HOST_CLOCK() - began < SETTLING_S:
            self._take(1)

    def _keep_settings(self) -> None:
        for _ in self._put_back():  # what a model changes besides is the run's to report, and here only put right
            pass

    def _exact_results(self) -> Iterable[Measurement | Unavailable]:
        for probe in (counts.SIZE_PROBE, memory.PREDICTION_PROBE):
            results = probe.measure(self._workload, COUNT_ONLY, ProbeState())
            yield from (result for result in results if isinstance(result, (Measurement, Unavailable)))
        yield count_operator_calls(self._workload)
        yield count_graph_breaks(self._workload)


def slow_down(seconds: float) -> None:
    """Be busy for so long."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def block_of(taken: Sequence[Round], calls_a_round: int, references_s: Sequence[float]) -> Block:
    """A block in seconds a call. What is counted during a round is divided by its calls as well."""
    columns = [
        {name: _rounded(value, _CONDITION_DIGITS) for name, value in r.conditions.items() if name != REFERENCE}
        | {
            name: _rounded(value / _divisor(name, calls_a_round), _COUNTER_DIGITS)
            for name, value in r.covariates.items()
        }
        for r in taken
    ]
    names = [name for name in columns[0] if all(name in of_round for of_round in columns)]
    return Block(
        samples=tuple(round(r.device_s / calls_a_round, _SAMPLE_DECIMALS) for r in taken),
        covariates={name: tuple(of_round[name] for of_round in columns) for name in names},
        references_s=tuple(_rounded(value, _CONDITION_DIGITS) for value in references_s),
    )


def _divisor(covariate: str, calls_a_round: int) -> int:
    """A share of a round is that of its calls."""
    return 1 if covariate == HOST_LEAD else calls_a_round


def _built(request: Prepare, zoo: SideZoo, device: Device) -> Workload:
    """The workload, whatever the side draws its weights with."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - for models that draw from it
    if request.is_control:
        return build_workload(request.case, device, build=build_control)
    return build_workload(request.case, device, build=zoo.build, entry=zoo.entry_of(request.case.model))


def _evaluated(workload: Workload) -> object:
    """The output of a call in eval mode of a net that was recalibrated; the module is in its mode again afterwards."""
    autocast = autocast_of(workload.case.precision, workload.device.torch_device)
    was_training = workload.module.training
    try:
        with autocast():
            recalibrate_batch_norm(workload.module, workload.images)
        call = workload.model_call
        inference = call if isinstance(call, Inference) else Inference(workload.module, workload.images, autocast)
        return inference.compute()
    finally:
        workload.module.train(was_training)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
