"""A case made real on one side of an experiment: counted, called once for its output, warmed up, timed in blocks."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from zoobench.calls import Inference, autocast_of
from zoobench.cases import COUNT_ONLY
from zoobench.compare.evidence import Block
from zoobench.compare.plan import SETTLING_S
from zoobench.devices import REFERENCE, Device, get_device
from zoobench.disturbance import HOST_LEAD
from zoobench.experiment.awakening import awaken
from zoobench.experiment.control_nets import build_control
from zoobench.experiment.messages import Prepare
from zoobench.experiment.program import count_graph_breaks, count_operator_calls
from zoobench.experiment.side_zoo import SideZoo
from zoobench.probes import prediction, size
from zoobench.probes.probe import Progress
from zoobench.records import Measurement, Unavailable
from zoobench.subject import SEED, Subject, build_subject
from zoobench.timing.covariates import watched_stops
from zoobench.timing.layout import ShuffledLayout
from zoobench.timing.rounds import HOST_CLOCK, Phase, Round, take_round
from zoobench.timing.warm_up import take_warm_up, typical_s
from zoobench.watch import kept_settings
from zoobench.zoo.inputs import logits_of

_SAMPLE_DECIMALS = 9
"""Nanoseconds: finer digits are not measured."""

_CONDITION_DIGITS, _COUNTER_DIGITS = 4, 2
"""Significant ones: what was counted in a round is held against a share of its time, and every round is stored."""


class Contender:
    """The prepared case. Its settings hold until it is released."""

    def __init__(self, request: Prepare, zoo: SideZoo) -> None:
        """Raises: whatever building the model raises; nothing is left behind then."""
        self._wasted_ratio = request.wasted_ratio
        self._device = get_device(request.case.device)
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.enter_context(self._device.settings(request.case))
            self._put_back = undo.enter_context(kept_settings(request.case, self._device))
            self._subject = _built(request, zoo, self._device)
            self._open = undo.pop_all()
        self._phases = self._subject.model_call.phases
        self._layout = ShuffledLayout(self._subject.resting_tensors, self._device.free_memory_bytes, seed=request.seed)
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

        The net is awakened for it: from here on, its weights and statistics are not those that it was built with.
        """
        output = logits_of(_evaluated(self._subject))[0]
        logits: NDArray[np.float32] = output.float().cpu().numpy()
        self._keep_settings()
        return logits

    def warm_up(self, bound_s: float) -> float:
        """Seconds that a call takes when warm; what is to be wasted is wasted from now on."""
        rounds = take_warm_up(lambda: self._take(1), bound_s, HOST_CLOCK)
        call_s = typical_s(rounds)
        if self._wasted_ratio:
            wasted_s = self._wasted_ratio * call_s
            self._phases = (*self._phases, Phase("wasted", lambda: waste(wasted_s)))
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
        del self._subject, self._layout, self._phases
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
        for probe in (size.PROBE, prediction.PROBE):
            results = probe.measure(self._subject, COUNT_ONLY, Progress())
            yield from (result for result in results if isinstance(result, (Measurement, Unavailable)))
        yield count_operator_calls(self._subject)
        yield count_graph_breaks(self._subject)


def waste(seconds: float) -> None:
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


def _built(request: Prepare, zoo: SideZoo, device: Device) -> Subject:
    """The subject, whatever the side draws its weights with."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - for models that draw from it
    if request.is_control:
        return build_subject(request.case, device, build=build_control)
    return build_subject(request.case, device, build=zoo.build, entry=zoo.entry_of(request.case.model))


def _evaluated(subject: Subject) -> object:
    """The output of a call in eval mode of a net that was awakened; the module is in its mode again afterwards."""
    autocast = autocast_of(subject.case.precision, subject.device.torch_device)
    was_training = subject.module.training
    try:
        with autocast():
            awaken(subject.module, subject.images)
        call = subject.model_call
        inference = call if isinstance(call, Inference) else Inference(subject.module, subject.images, autocast)
        return inference.compute()
    finally:
        subject.module.train(was_training)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
