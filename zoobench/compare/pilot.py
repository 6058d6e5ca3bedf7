"""The pilot: every pair of cases is built on both sides, counted, called for its output, and warmed up once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoobench.cases import BadInputError, Precision
from zoobench.cases.catalogue import IMPORTED
from zoobench.compare.checkouts import Checkout
from zoobench.compare.environments import prove_own
from zoobench.compare.messages import (
    EXACT_METRICS,
    Compute,
    CountedFacts,
    CountFacts,
    Discover,
    Discovery,
    ListCases,
    Listed,
    Output,
    Prepare,
    Prepared,
    Release,
    Released,
    Warm,
    WarmUp,
    WorkerRequest,
)
from zoobench.compare.spec import (
    AskedPair,
    ComparisonSpec,
    NothingToCompareError,
    PairCost,
    RequestFailedError,
    SideError,
    warm_up_bound_s,
)
from zoobench.compare.worker_pair import AnyReply, WorkerPair
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import CaseFacts, CasePair, Side, SideName

# The beginning of an experiment: who the two sides are, and which cases they have between them.


class DiscoveredSides(NamedTuple):
    """Both sides, and the case pairs to be, none of them twice."""

    base: Side
    head: Side
    pairs: tuple[AskedPair, ...]


def discover(workers: WorkerPair, checkouts: Mapping[SideName, Checkout], spec: ComparisonSpec) -> DiscoveredSides:
    """Ask both sides.

    Raises: IdentityError for a side that loaded files of the project from elsewhere; SideError for one whose own
    zoobench cannot be imported; BadInputError for a model that neither side knows; NothingToCompareError.
    """
    request = Discover(modules=tuple(modules_of(spec)), extra_devices=tuple(devices_of(spec)))
    said = _ask_both(workers, request, Discovery, spec.time_limit_s)
    sides = {side: _side_of(checkout, said[side]) for side, checkout in checkouts.items()}
    pairs = spec.pairs
    if spec.matrix is not None:
        asked = _ask_both(workers, ListCases(matrix=spec.matrix), Listed, spec.time_limit_s)
        pairs = (*pairs, *pairs_of(asked[SideName.BASE], asked[SideName.HEAD]))
    if not pairs:
        raise NothingToCompareError("nothing to compare: no case was selected on either side")
    return DiscoveredSides(
        sides[SideName.BASE], sides[SideName.HEAD], tuple({pair.id: pair for pair in pairs}.values())
    )


def pairs_of(base: Listed, head: Listed) -> tuple[AskedPair, ...]:
    """Every case that the head's catalogue has, then those of models that only the base's has; each for both sides.

    Whether a side has the model is found out when it is built there.
    Raises: BadInputError for what neither knows.
    """
    for name, said in head.unknown.items():
        if name in base.unknown:
            raise BadInputError(f"{said} (on both sides)")
    of_head = {case.model for case in head.cases}
    cases = (*head.cases, *(case for case in base.cases if case.model not in of_head))
    return tuple(AskedPair(base=case, head=case) for case in cases)


def modules_of(spec: ComparisonSpec) -> Iterator[str]:
    """Modules of which models are made: what is loaded with them proves whose code is measured."""
    models = (case.model for pair in spec.pairs for case in pair.cases)
    named = [model.name for model in models if model.source == IMPORTED]
    named += spec.matrix.models or () if spec.matrix else ()
    factories = (name.removeprefix(f"{IMPORTED}:") for name in named)
    yield from dict.fromkeys(name.partition(":")[0] for name in factories if ":" in name)


def devices_of(spec: ComparisonSpec) -> Iterator[str]:
    """Devices that are named with their index."""
    devices = {case.device for pair in spec.pairs for case in pair.cases}
    if spec.matrix is not None and spec.matrix.device is not None:
        devices.add(spec.matrix.device)
    yield from sorted(device for device in devices if ":" in device)


def _ask_both(
    workers: WorkerPair, request: WorkerRequest, kind: type[AnyReply], limit_s: float
) -> dict[SideName, AnyReply]:
    replies: dict[SideName, AnyReply] = {}
    for side, reply in workers.ask_both(dict.fromkeys(SideName, request), kind, limit_s).items():
        if isinstance(reply, RequestFailedError):
            raise SideError(side, reply.failure.message) from reply
        replies[side] = reply
    return replies


def _side_of(checkout: Checkout, said: Discovery) -> Side:
    return Side(
        name=checkout.name,
        asked=checkout.asked,
        environment=said.environment,
        commit=checkout.commit,
        tree=checkout.tree,
        is_dirty=checkout.is_dirty,
        loaded=prove_own(checkout, said.loaded),
    )


# Whether two sides compute the same: their outputs for the same images, within what rounding explains.
#
# Weights come from a fixed seed: a side that draws them in another order, or otherwise, has other weights, and its
# output is another by design, though its layers may be the same. What changed is then not only how fast it is.


INCOMPARABLE = sys.float_info.max
"""The error of outputs that cannot be subtracted: other shapes, or what is a number on one side only. Infinity has no
number in JSON."""

_FP32_TOLERANCE = 1e-3
_LESS_TOLERANCE = 0.3
"""Two processes that build the same net give the same bits. Other kernels do not: of 19 nets of the zoo, recalibrated
(`recalibrate_batch_norm`), contiguous against channels_last, the error was up to 4e-5 in fp32 and up to 0.14 in bf16;
one thread against two, 5e-6. Other weights make an error of about 1."""


def tolerance_of(precision: Precision) -> float:
    """The largest difference, over the largest value, that is still rounding."""
    return _FP32_TOLERANCE if precision is Precision.FP32 else _LESS_TOLERANCE


def output_error(base: Output, head: Output) -> float:
    """The largest difference of the two over the largest value of the base's."""
    if base.shape != head.shape:
        return INCOMPARABLE
    one, other = _values(base), _values(head)
    is_finite = np.isfinite(one) & np.isfinite(other)
    is_alike = (one == other) | (np.isnan(one) & np.isnan(other))
    if not (is_finite | is_alike).all():
        return INCOMPARABLE
    difference = np.abs(one[is_finite] - other[is_finite]).max(initial=0.0)
    largest = np.abs(one[is_finite]).max(initial=0.0)
    if difference == 0:
        return 0.0
    return min(INCOMPARABLE, float(difference / largest)) if largest else INCOMPARABLE


def _values(output: Output) -> NDArray[np.float64]:
    return np.frombuffer(output.values, dtype="<f4").astype(np.float64)


WARM_UP_BOUND_S = 2.0
"""Of the pilot's: as long as a case's own may take (`zoobench.cases.Budget`)."""

_SEED = 0
"""Of layouts: the pilot takes no blocks."""


class Tried(NamedTuple):
    """What the pilot found: the case pair; what it costs, if it runs on both sides; what a reader must know.

    `is_over` if a worker died: both are to be replaced.
    """

    case_pair: CasePair
    cost: PairCost | None
    notes: tuple[str, ...]
    is_over: bool


def try_pair(workers: WorkerPair, pair: AskedPair, *, injected_ratio: float, limit_s: float) -> Tried:
    """Try one pair on both sides: at the same time, but for what is timed. A side that failed is asked no more."""
    trial = _Trial(workers, pair, limit_s)
    trial.build()
    trial.count()
    trial.compute()
    trial.warm_up()
    trial.release()
    return Tried(
        case_pair=_case_pair_of(pair, trial.seen, injected_ratio),
        cost=_cost_of(pair, trial.seen, workers.start_s, is_injected=injected_ratio > 0),
        notes=tuple(trial.notes),
        is_over=trial.is_over,
    )


class _Seen(msgspec.Struct, kw_only=True):
    """What one side has said so far."""

    facts: CaseFacts = CaseFacts()
    output: Output | None = None
    build_s: float = 0.0


class _Trial:
    """One pair on its way through the pilot."""

    def __init__(self, workers: WorkerPair, pair: AskedPair, limit_s: float) -> None:
        cases = {SideName.BASE: pair.base, SideName.HEAD: pair.head}
        self._requests: dict[SideName, WorkerRequest] = {
            side: Prepare(case=case, seed=_SEED, is_control=pair.is_control)
            for side, case in cases.items()
            if case is not None
        }
        self._workers = workers
        self._pair = pair
        self._limit_s = limit_s
        self.seen = {side: _Seen() if side in self._requests else _Seen(facts=_WITHOUT_CASE) for side in SideName}
        self.notes: list[str] = []
        self.is_over = False

    def build(self) -> None:
        for side, reply in self._ask(self._requests, Prepared).items():
            if isinstance(reply, RequestFailedError):
                self._fail(side, reply)
            self.seen[side].build_s = self._workers[side].spent_s

    def count(self) -> None:
        for side, reply in self._ask(dict.fromkeys(self._running(), CountFacts()), CountedFacts).items():
            if isinstance(reply, CountedFacts):
                self._learn(side, exact=reply.exact, unavailable=reply.unavailable)
            else:
                self._learn(side, unavailable=dict.fromkeys(EXACT_METRICS, reply.failure.message))

    def compute(self) -> None:
        for side, reply in self._ask(dict.fromkeys(self._running(), Compute()), Output).items():
            if isinstance(reply, Output):
                self.seen[side].output = reply
            else:
                self.notes.append(f"{self._pair.id}: the {side} gave no output to compare: {reply.failure.message}")

    def warm_up(self) -> None:
        """One side after the other."""
        for side in self._running():
            for reply in self._ask({side: WarmUp(bound_s=WARM_UP_BOUND_S)}, Warm).values():
                if isinstance(reply, RequestFailedError):
                    self._fail(side, reply)
                else:
                    self._learn(side, call_s=reply.call_s)

    def release(self) -> None:
        if not self.is_over:
            self._ask(dict.fromkeys(SideName, Release()), Released)

    def _ask(
        self, requests: Mapping[SideName, WorkerRequest], kind: type[AnyReply]
    ) -> dict[SideName, AnyReply | RequestFailedError]:
        """The replies of the living; a death is noted here."""
        replies = self._workers.ask_both(requests, kind, self._limit_s)
        dead = {
            side: reply for side, reply in replies.items() if isinstance(reply, RequestFailedError) and reply.is_dead
        }
        for side, error in dead.items():
            self.is_over = True
            self._fail(side, error)
        return {side: reply for side, reply in replies.items() if side not in dead}

    def _running(self) -> tuple[SideName, ...]:
        return tuple(side for side in self._requests if self.seen[side].facts.failure is None)

    def _fail(self, side: SideName, error: RequestFailedError) -> None:
        self._learn(side, failure=error.failure, is_missing=error.is_missing)

    def _learn(self, side: SideName, **fields: Any) -> None:
        self.seen[side].facts = msgspec.structs.replace(self.seen[side].facts, **fields)


def _case_pair_of(pair: AskedPair, seen: Mapping[SideName, _Seen], injected_ratio: float) -> CasePair:
    base, head = seen[SideName.BASE], seen[SideName.HEAD]
    error = output_error(base.output, head.output) if base.output and head.output else None
    return CasePair(
        id=pair.id,
        base_case=pair.base,
        head_case=pair.head,
        base=base.facts,
        head=head.facts,
        output_error=error,
        output_tolerance=max(tolerance_of(case.precision) for case in pair.cases),
        is_control=pair.is_control,
        injected_ratio=injected_ratio,
    )


def _cost_of(pair: AskedPair, seen: Mapping[SideName, _Seen], start_s: float, *, is_injected: bool) -> PairCost | None:
    """None unless both sides run it."""
    calls_s = [one.facts.call_s for one in seen.values() if one.facts.call_s is not None]
    if len(calls_s) < len(SideName):
        return None
    call_s = sum(calls_s) / len(calls_s)
    warm_up_s = len(SideName) * warm_up_bound_s(call_s, is_injected=is_injected)
    own_start_s = start_s if pair.needs_own_processes else 0.0
    fixed_s = own_start_s + sum(one.build_s for one in seen.values()) + warm_up_s
    return PairCost(case_pair=pair.id, fixed_s=fixed_s, call_s=call_s)


_WITHOUT_CASE = CaseFacts(
    failure=Failure(kind=FailureKind.BUILD, message="this side has no such case", where="build"), is_missing=True
)
